"""Earlier versions of rules: what they said is kept, and compiled only if an action of theirs still waits.

An action that waits is stored as numbers, and its words are made of the rule that decided it.
"""

from collections.abc import Iterator, Mapping

from workers.core.rules.rule_compiler import compile_content
from workers.core.rules.rule_set import Rule, RuleSet


class FormerRules(Mapping[str, Rule]):
    """Rules by version, compiled when they are first asked for.

    A version that this release cannot read any more, or reads otherwise, is not there.
    """

    def __init__(self, contents: Mapping[str, str], rules: RuleSet) -> None:
        """Set up without compiling anything.

        Args:
            contents: by version, what the rule said, as `RuleSet.contents` has it.
            rules: the present set; its versions are left out.
        """
        self._contents = {version: content for version, content in contents.items() if version not in rules.contents}
        self._rules = rules
        self._compiled: dict[str, Rule] = {}

    def __getitem__(self, version: str) -> Rule:
        if version not in self._compiled:
            try:
                rule = compile_content(self._contents[version], self._rules)
            except ValueError as error:
                raise KeyError(version) from error
            if rule.version != version:
                raise KeyError(version)
            self._compiled[version] = rule
        return self._compiled[version]

    def __iter__(self) -> Iterator[str]:
        return iter(self._contents)

    def __len__(self) -> int:
        return len(self._contents)
