"""Laws of where customers stand on the screen of the demo."""

from dataclasses import replace

from rich.console import Console

from tests.unit.processor.test_stage_lists import on_ladder
from workers.core.customer.stage import code_of_stage
from workers.demo.run import customers_by_stage
from workers.demo.screen import Picture, draw
from workers.state.meta import on_stage_field


def drawn(picture: Picture) -> str:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(draw(picture))
    return captured.get()


def test_customers_of_all_partitions_are_counted_by_stage_from_the_top() -> None:
    quiet, regular = (on_stage_field(code_of_stage(name)) for name in ("quiet", "regular"))
    metas = [{quiet: "2", "n:events": "9"}, {quiet: "3", regular: "1"}]
    rules = on_ladder([], 1)
    counted = customers_by_stage(rules, metas)
    assert list(counted.items()) == [("regular", 1), ("quiet", 5), ("newcomer", 0)]
    assert customers_by_stage(replace(rules, ladder=None), metas) == {}


def test_the_screen_shows_stages_in_one_line_and_nothing_without_a_ladder() -> None:
    picture = Picture("t", stages={"regular": 1_651, "quiet": 5})
    assert "customers by stage   regular 1,651 · quiet 5" in drawn(picture)
    assert "by stage" not in drawn(Picture("t"))
