#!/usr/bin/env bash
# datatrove's WarcReader drops pages of a WET file without a word, by what their text looks like.
#
# Versions: datatrove 0.10.1, warcio 1.8.1, python-magic 0.4.27 (with the system's libmagic), faust-cchardet 2.1.19.
# Behaviour: a WET file says of every page that it is text (Content-Type: text/plain), and has no
# WARC-Identified-Payload-Type. Then the reader asks libmagic for the type of the text, and drops what is neither plain
# text nor HTML: a page that begins like a program, a mail, a diff, or JSON. No counter and no message tells of it.
# Seen: of six valid conversion records the reader gives one; warcio itself gives all six as text/plain.
# Needs: python3, pip, libmagic (Debian: libmagic1).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
  datatrove==0.10.1 warcio==1.8.1 python-magic==0.4.27 faust-cchardet==2.1.19 orjson zstandard pyarrow
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import io
import logging

from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

PAGES = {
    "plain": "The mill by the river grinds flour. It stands beside the northern bridge. Visitors are welcome.",
    "python": "#!/usr/bin/env python\nimport os\n\ndef main():\n    print(os.getcwd())\n\nThis lesson explains the program above.",
    "mail": "From: miller@mill.example\nTo: baker@bakery.example\nSubject: flour\n\nDear baker, the flour is ready.",
    "json": '{"title": "A page about the mill", "text": "The mill grinds flour for the whole village."}',
    "diff": "--- a/mill.txt\n+++ b/mill.txt\n@@ -1,2 +1,2 @@\n-The mill is old.\n+The mill is new.\n The lesson goes on here.",
    "c": "#include <stdio.h>\nint main(void) { return 0; }\n\nThis page explains the shortest program of all.",
}

with open("pages.warc.wet.gz", "wb") as target:
    writer = WARCWriter(target, gzip=True, warc_version="WARC/1.0")
    for name, text in PAGES.items():
        headers = {"WARC-Date": "2019-04-18T05:15:01Z", "Content-Type": "text/plain"}
        record = writer.create_warc_record(
            f"http://{name}.example/", "conversion", payload=io.BytesIO(text.encode()), warc_content_type="text/plain",
            warc_headers_dict=headers,
        )
        writer.write_record(record)

with open("pages.warc.wet.gz", "rb") as source:
    records = [
        (record.rec_type, record.rec_headers.get_header("Content-Type"), record.rec_headers.get_header("WARC-Target-URI"))
        for record in ArchiveIterator(source)
    ]
conversions = [record for record in records if record[0] == "conversion"]
print("warcio:", len(conversions), "conversion records, types", sorted({kind for _, kind, _ in conversions}))
assert len(conversions) == len(PAGES) and {kind for _, kind, _ in conversions} == {"text/plain"}

from datatrove.pipeline.readers import WarcReader

documents = list(WarcReader(".", glob_pattern="*.warc.wet.gz").run())
read = sorted(document.metadata["url"] for document in documents)
lost = sorted(url for _, _, url in conversions if url not in read)
print("datatrove:", len(read), "documents:", read)
print("lost without a word:", lost)
import magic
print({name: magic.from_buffer(text.encode(), mime=True) for name, text in PAGES.items()})
assert read == ["http://plain.example/"], "the behaviour has changed"
PYTHON
echo "still so: datatrove's reader keeps 1 of 6 pages"
