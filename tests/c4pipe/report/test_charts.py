"""Charts of many series."""

from matplotlib.figure import Figure

from c4pipe.report import charts, html


def test_no_two_of_many_series_look_the_same():
    looks = [tuple(sorted(charts.style(number).items())) for number in range(160)]
    assert len(set(looks)) == 160


def drawn(num_series: int):
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    for number in range(num_series):
        axes.plot([1, 2], [1, number], label=f"task {number}", **charts.style(number))
    charts.legend(axes)
    return figure, axes


def test_a_few_series_are_named_inside_and_many_beside():
    figure, axes = drawn(3)
    assert axes.get_legend() is not None and not figure.legends
    figure, axes = drawn(25)
    assert axes.get_legend() is None and len(figure.legends[0].get_texts()) == 25


def test_the_legend_of_many_series_fits_the_height_of_the_chart():
    for count in (7, 21, 40):
        figure, axes = drawn(count)
        figure.set_size_inches(9, charts.height(count))
        figure.draw_without_rendering()
        box = figure.legends[0].get_window_extent()
        assert box.y0 >= 0 and box.y1 <= figure.bbox.height
        assert box.x1 <= figure.bbox.width and axes.get_window_extent().x1 <= box.x0


def test_a_chart_without_named_series_has_no_legend():
    assert "<svg" in html.plot(charts.legend)


def test_ticks_of_logarithmic_axes_are_plain_numbers():
    def draw(axes):
        axes.plot([1, 1000], [1, 100])
        charts.log_scale(axes, "x", "y")

    svg = str(html.plot(draw))
    assert ">1,000</text>" in svg and ">100</text>" in svg and "mathdefault" not in svg


def test_steps_are_whole_numbers():
    def draw(axes):
        axes.plot([0, 1, 2], [1, 2, 3])
        charts.step_axis(axes)

    svg = str(html.plot(draw))
    assert ">0.5</text>" not in svg.split("ytick")[0] and ">step</text>" in svg and ">2</text>" in svg
