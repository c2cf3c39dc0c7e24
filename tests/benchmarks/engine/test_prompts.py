import pytest

from benchmarks.engine.prompts import long_user_prompt, system_prompt, user_prompt
from proxy.engine.library import load_library
from proxy.engine.vocabulary import LlamaVocabulary
from proxy.engine.weights import default_cache, find_weights


def test_prompts_differ_by_their_number() -> None:
    """Answers would be cached otherwise."""
    for prompt in (system_prompt, user_prompt, long_user_prompt):
        assert prompt(1) != prompt(2)


@pytest.mark.gguf
def test_prompts_are_as_long_as_they_say() -> None:
    """In the model's own tokens."""
    library = load_library()
    params = library.llama_model_default_params()
    params.vocab_only = True
    path = find_weights("embedded", convert="f16", cache=default_cache()).path
    model = library.llama_model_load_from_file(str(path).encode(), params)
    vocabulary = LlamaVocabulary(library, model)

    def n_tokens(text: str) -> int:
        return len(vocabulary.tokenize(text, parse_special=True))

    turn = f"<|im_start|>system\n{system_prompt(123456)}<|im_end|>\n"
    assert n_tokens(turn) == pytest.approx(150, abs=3)
    assert n_tokens(long_user_prompt(99)) == pytest.approx(1500, rel=0.02)
    vocabulary.close()
    library.llama_model_free(model)
