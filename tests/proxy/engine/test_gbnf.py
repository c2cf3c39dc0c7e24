from __future__ import annotations

import sys
from typing import Any

import pytest

from proxy.engine.gbnf import MAX_CHARS, GrammarError, check_gbnf

GOOD = [
    'root ::= "yes" | "no"',
    'root ::= a # a comment\na ::= [^"\\\\\\x7F\\x00-\\x1F]* "\\n"\n',
    (
        'root  ::= (expr "=" ws term "\\n")+\nexpr  ::= term ([-+*/] term)*\n'
        'term  ::= [0-9]+ ws | "(" ws expr ")" ws\nws    ::= [ \\t\\n]*\n'
    ),
    'root ::= ("a"*)* "b"',
    'root ::= ( "a" |\n  "b"\n)\n',
    'root ::=\n  "a" |\n  "b"',
    'root ::= . {2} "x"{1,} "y"{0,3}\r\n',
    'root ::= "a" root | "b"',
    'root ::= "é🙂" [à-ÿ]',
]


@pytest.mark.parametrize("grammar", GOOD)
def test_grammar_that_llama_cpp_follows_is_good(grammar: str) -> None:
    """Its own examples among them."""
    check_gbnf(grammar)


@pytest.mark.parametrize(
    ("grammar", "message"),
    [
        ("", "no rule 'root'"),
        ('other ::= "x"', "no rule 'root'"),
        ("root ::= other", "line 1: there is no rule 'other'"),
        ('root ::= "x"\n\nroot "y"', "line 3: '::=' is expected, not '\"y\"'"),
        ('root ::= "x', "line 1: cannot read"),
        ('root ::= "\\q"', "line 1: cannot read"),
        ("root ::= []", "line 1: cannot read"),
        ("root ::= <think>", "line 1: cannot read"),
        ("root ::= * ", "something to repeat"),
        ('root ::= ("x"', "at the end: '\\)' is expected"),
        ('root ::= "x" )', "end of the rule"),
        ('root ::= "x"{3,2}', "ends before it begins"),
        (f'root ::= "{"x" * 30}"{{1000}}', "repeats too much"),
        ("root ::= " + "(" * 70 + '"x"' + ")" * 70, "at most 64"),
        ("root ::= root", "'root' begins with itself"),
        ('root ::= a "x"\na ::= b\nb ::= root | "y"', "begins with itself"),
        ('root ::= n root "x" | "y"\nn ::= m\nm ::= "z"*', "'root' begins with itself"),
        ('root ::= ("x"? root)', "begins with itself"),
        ("x" * (MAX_CHARS + 1), "characters"),
    ],
)
def test_mistake_is_found_with_its_place(grammar: str, message: str) -> None:
    """The client learns where it is, and llama.cpp never sees it."""
    with pytest.raises(GrammarError, match=message):
        check_gbnf(grammar)


def test_rules_that_multiply_are_refused() -> None:
    """llama.cpp would walk 2^40 paths looking for left recursion."""
    rules = [f"r{n} ::= r{n + 1} | r{n + 1} r{n + 1}" for n in range(40)]
    with pytest.raises(GrammarError, match="too many ways"):
        check_gbnf("\n".join(["root ::= r0", *rules, 'r40 ::= "x"']))


@pytest.mark.parametrize(
    "grammar",
    [
        'root ::= d{0,2000}\nd ::= "" | c{0,2000}\nc ::= "" | b{0,2000}\nb ::= "" | "x"',
        'root ::= d{0,200}\nd ::= "" | c{0,200}\nc ::= "" | "x"',
        'root ::= "y" d{0,2000}\nd ::= "" | c{0,40}\nc ::= "" | "x"',
        "\n".join(f"r{n} ::= r{n + 1} | r{n + 1} r{n + 1}" for n in range(14))
        + '\nr14 ::= "x"\nroot ::= r0',
    ],
)
def test_repetitions_that_multiply_are_refused(grammar: str) -> None:
    """Where what is repeated may be empty, llama.cpp walks through each repetition of it."""
    with pytest.raises(GrammarError, match="too many ways"):
        check_gbnf(grammar)


@pytest.mark.parametrize("repeated", ['"x"{0,2000}', '""{0,2000}', "[a-z]{2000}"])
def test_repetitions_are_bounded_all_together(repeated: str) -> None:
    """llama.cpp writes every one of them out."""
    check_gbnf(f"root ::= {repeated}")
    with pytest.raises(GrammarError, match="too many, all together"):
        check_gbnf(f"root ::= {f'{repeated} ' * 300}")


@pytest.mark.parametrize(
    "grammar",
    [
        "root ::= " + " | ".join(f'"{n}"' for n in range(7000)),
        'root ::= line{0,1000}\nline ::= word{1,1000} "\\n"\nword ::= [a-z]{1,50} " "?',
        "root ::= " + '"\\"" char{0,2000} "\\"" ' * 200 + '\nchar ::= [^"\\\\] | "\\\\" ["\\\\]',
    ],
)
def test_long_but_plain_repetitions_and_choices_are_good(grammar: str) -> None:
    """Of what is never empty the next one begins where the last one has ended."""
    check_gbnf(grammar)


def n_calls(grammar: str) -> int:
    """How many functions of Python are called to check a grammar."""
    n = 0

    def count(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal n
        n += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        check_gbnf(grammar)
    finally:
        sys.setprofile(before)
    return n


def test_work_grows_in_proportion_to_a_chain_of_rules_that_may_be_empty() -> None:
    """Each rule that may be empty is found by way of the one that it begins with."""

    def chain(n_rules: int) -> str:
        rules = [f"r{n} ::= r{n + 1}" for n in range(n_rules)]
        return "\n".join(["root ::= r0", *rules, f'r{n_rules} ::= ""'])

    assert n_calls(chain(400)) < 3 * n_calls(chain(200))


def test_long_chain_of_rules_is_no_recursion_here() -> None:
    """A thousand rules that begin with the next one."""
    rules = [f"r{n} ::= r{n + 1}" for n in range(1000)]
    check_gbnf("\n".join(["root ::= r0", *rules, 'r1000 ::= "x"']))


@pytest.mark.parametrize(
    "rules",
    [
        'a ::= ""', 'a ::= "x" | ', 'a ::= ("x"?)*', 'a ::= b b\nb ::= c | "y"\nc ::= "x"{0,3}',
        'a ::= (b)\nb ::= "" ""',
    ],
)  # fmt: skip
def test_recursion_behind_what_may_be_empty_is_found(rules: str) -> None:
    """In whatever way it may."""
    with pytest.raises(GrammarError, match="'root' begins with itself"):
        check_gbnf(f'root ::= a a root "x" | "y"\n{rules}')
    check_gbnf(f'root ::= a a "z" root "x" | "y"\n{rules}')
