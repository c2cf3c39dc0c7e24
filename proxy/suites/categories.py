"""From each suite's own categories to the one vocabulary, `proxy.domain.CATEGORIES`."""

from __future__ import annotations

from collections.abc import Mapping

CATQA: Mapping[str, str] = {
    "Illegal Activity": "crime",
    "Child Abuse": "child",
    "Hate/Harass/Violence": "hate",
    "Malware Viruses": "cyber",
    "Physical Harm": "violence",
    "Economic Harm": "crime",
    "Fraud/Deception": "crime",
    "Adult Content": "sexual",
    "Political Campaigning": "politics",
    "Privacy Violation Activity": "privacy",
    "Tailored Financial Advice": "advice",
}
"""CatQA's categories; a sub-category in `CATQA_SUB` goes its own way."""

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


def of_catqa(category: str, sub_category: str) -> str:
    """The category of a CatQA question; the English and Chinese sub-categories end in colons."""
    return CATQA_SUB.get(sub_category.rstrip(":"), CATQA.get(category, "other"))


def of_xstest(prompt_type: str, focus: str) -> str:
    """The category of an XSTest prompt."""
    return XSTEST_FOCUS.get(focus, XSTEST.get(prompt_type.removeprefix("contrast_"), "other"))
