// A search box marked data-filters="SELECTOR" hides the elements that do not contain what is typed.
for (const box of document.querySelectorAll("input[data-filters]")) {
  box.addEventListener("input", () => {
    const wanted = box.value.toLowerCase();
    for (const item of document.querySelectorAll(box.dataset.filters)) {
      const found = item.textContent.toLowerCase().includes(wanted);
      item.hidden = !found;
      const fold = item.closest("details");
      if (fold && wanted && found) fold.open = true;
    }
  });
}
