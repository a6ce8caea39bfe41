"""What `errands diff` says of two versions."""

from errands.cli.version_texts import diff_lines
from errands.core.definition.comparing import Difference, FieldChange
from errands.services.views import VersionDiff


def test_a_changed_text_of_several_lines_is_a_unified_diff_below_its_step() -> None:
    before = "rows = []\nfor one in page:\n    rows.append(one)\nrows\n"
    after = before.replace("append(one)", "append(one['price'])").removesuffix("\n")
    fields = (FieldChange("python", before, after), FieldChange("title", "Prices", "All prices"))
    step = Difference("step", "changed", "total", "transform", "steps", None, fields)
    told = Difference("task", "changed", "description", fields=(FieldChange("description", "Sums.\nUp.", "Sums."),))
    assert [line.plain for line in diff_lines(VersionDiff("t", 1, 2, (told, step)))] == [
        "t: version 1 to 2",
        "Task",
        "  ~ description:",
        "        @@ -1,2 +1 @@",
        "         Sums.",
        "        -Up.",
        "Steps",
        "  ~ total (transform) changed",
        "      python:",
        "        @@ -1,4 +1,4 @@",
        "         rows = []",
        "         for one in page:",
        "        -    rows.append(one)",
        "        +    rows.append(one['price'])",
        "         rows",
        "      title: Prices -> All prices",
    ]
