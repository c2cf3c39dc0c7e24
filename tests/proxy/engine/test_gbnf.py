from __future__ import annotations

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


def test_long_chain_of_rules_is_no_recursion_here() -> None:
    """A thousand rules that begin with the next one."""
    rules = [f"r{n} ::= r{n + 1}" for n in range(1000)]
    check_gbnf("\n".join(["root ::= r0", *rules, 'r1000 ::= "x"']))
