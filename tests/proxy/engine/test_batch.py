from __future__ import annotations

from proxy.domain import Priority
from proxy.engine.batch import build_batch
from proxy.engine.request import Request
from proxy.engine.slots import Lane, Phase, Prefix, Slot


def slot(sequence: int, n_tokens: int, n_computed: int, phase: Phase) -> Slot:
    """A slot in a given place of its life."""
    asked = Request(id=sequence, prompt=tuple(range(n_tokens)), max_tokens=5)
    return Slot(asked, Lane(sequence, list(range(n_tokens)), n_computed), n_cells=0, phase=phase)


def test_running_answers_always_go_in_beside_a_long_prompt() -> None:
    """The prompt gets the budget, the answers their one token each, first."""
    running = [slot(0, 10, 9, Phase.DECODING), slot(1, 20, 19, Phase.DECODING)]
    newcomer = slot(2, 1000, 0, Phase.PREFILLING)
    batch = build_batch([newcomer, *running], [], n_prompt_tokens=64, n_prefill_tokens=64)
    assert [(chunk.lane.sequence, chunk.n_tokens) for chunk in batch.chunks] == [
        (0, 1), (1, 1), (2, 64),
    ]  # fmt: skip
    assert [(sampled.slot.lane.sequence, sampled.row) for sampled in batch.sampled] == [
        (0, 0), (1, 1),
    ]  # fmt: skip
    assert batch.n_prefill == 64


def test_prefixes_come_before_prompts_and_share_the_budget() -> None:
    """Someone waits for a prefix."""
    prefix = Prefix(Lane(9, list(range(40))), n_users=1)
    slots = [slot(0, 50, 0, Phase.PREFILLING), slot(1, 50, 0, Phase.WAITING)]
    slots[1].prefix = prefix
    batch = build_batch(slots, [prefix], n_prompt_tokens=64, n_prefill_tokens=64)
    assert [(chunk.lane.sequence, chunk.n_tokens) for chunk in batch.chunks] == [(9, 40), (0, 24)]
    assert batch.sampled == []


def test_prompts_last_chunk_yields_logits_at_its_last_row() -> None:
    """The row is that of the prompt's last token."""
    batch = build_batch(
        [slot(0, 50, 30, Phase.PREFILLING)], [], n_prompt_tokens=64, n_prefill_tokens=64
    )
    assert [sampled.row for sampled in batch.sampled] == [19]


def test_each_prompt_has_its_own_share_of_a_step() -> None:
    """A burst of short prompts enters at once, while a long one is held to its share."""
    long = slot(0, 1000, 0, Phase.PREFILLING)
    burst = [slot(sequence, 6, 0, Phase.PREFILLING) for sequence in range(1, 4)]
    answer = slot(5, 10, 9, Phase.DECODING)
    batch = build_batch([answer, long, *burst], [], n_prompt_tokens=8, n_prefill_tokens=20)
    assert [chunk.n_tokens for chunk in batch.chunks] == [1, 8, 6, 6]


def test_beside_background_answers_prompts_take_all_there_is() -> None:
    """Nobody watches the pace of a probe's tokens, and prefill is fastest in large batches."""
    asked = Request(id=0, prompt=tuple(range(10)), max_tokens=5, priority=Priority.BACKGROUND)
    probe = Slot(asked, Lane(0, list(range(10)), 9), n_cells=0, phase=Phase.DECODING)
    long = slot(1, 1000, 0, Phase.PREFILLING)
    batch = build_batch([probe, long], [], n_prompt_tokens=8, n_prefill_tokens=512)
    assert [chunk.n_tokens for chunk in batch.chunks] == [1, 512]


def probe(sequence: int, n_tokens: int, phase: Phase = Phase.PREFILLING) -> Slot:
    """A background slot."""
    tokens = list(range(n_tokens))
    asked = Request(sequence, tuple(tokens), max_tokens=5, priority=Priority.BACKGROUND)
    return Slot(asked, Lane(sequence, tokens), n_cells=0, phase=phase)


def test_users_prompts_come_before_probes_and_so_do_the_prefixes_they_wait_for() -> None:
    """Probes that were admitted first take what is left of the step."""
    probed, used = Prefix(Lane(8, list(range(40)))), Prefix(Lane(9, list(range(40))))
    waiting = [probe(0, 50, Phase.WAITING), slot(1, 50, 0, Phase.WAITING)]
    waiting[0].prefix, waiting[1].prefix = probed, used
    batch = build_batch(
        [waiting[0], probe(2, 60), slot(3, 60, 0, Phase.PREFILLING), waiting[1]],
        [probed, used],
        n_prompt_tokens=64,
        n_prefill_tokens=150,
    )
    assert [(chunk.lane.sequence, chunk.n_tokens) for chunk in batch.chunks] == [
        (9, 40), (3, 60), (8, 40), (2, 10),
    ]  # fmt: skip


def test_prefix_that_a_user_shares_with_probes_is_a_users() -> None:
    """Whoever came first."""
    shared, own = Prefix(Lane(8, list(range(40)))), Prefix(Lane(9, list(range(40))))
    waiting = [probe(0, 50, Phase.WAITING), probe(1, 50, Phase.WAITING)]
    waiting.append(slot(2, 50, 0, Phase.WAITING))
    waiting[0].prefix, waiting[1].prefix, waiting[2].prefix = own, shared, shared
    batch = build_batch(waiting, [own, shared], n_prompt_tokens=64, n_prefill_tokens=50)
    assert [(chunk.lane.sequence, chunk.n_tokens) for chunk in batch.chunks] == [(8, 40), (9, 10)]


def test_waiting_slots_are_left_out() -> None:
    """Their prefix is not computed yet."""
    assert (
        build_batch(
            [slot(0, 50, 0, Phase.WAITING)], [], n_prompt_tokens=64, n_prefill_tokens=64
        ).n_tokens
        == 0
    )


def test_advance_moves_every_lane() -> None:
    """After decoding, what was in the batch is computed."""
    one = slot(0, 50, 30, Phase.PREFILLING)
    batch = build_batch([one], [], n_prompt_tokens=8, n_prefill_tokens=8)
    batch.advance()
    assert one.lane.n_computed == 38


def test_a_prompts_chunks_shrink_as_it_grows_so_that_answers_keep_their_pace() -> None:
    """Attention makes its later tokens dearer; it always gets on, though."""
    answer = slot(0, 10, 9, Phase.DECODING)
    chunks = [
        build_batch(
            [answer, slot(1, 9000, n_computed, Phase.PREFILLING)],
            [],
            n_prompt_tokens=24,
            n_prefill_tokens=512,
        ).n_prefill
        for n_computed in (0, 400, 8000)
    ]
    assert chunks == [24, 12, 8]


def test_a_prompts_chunks_stay_where_nobody_waits_for_them() -> None:
    """Large batches are what prefill is fastest with."""
    batch = build_batch(
        [slot(1, 9000, 8000, Phase.PREFILLING)], [], n_prompt_tokens=512, n_prefill_tokens=512
    )
    assert batch.n_prefill == 512


def test_short_prompts_go_one_after_another_on_the_shares_of_all() -> None:
    """The step is as long as before, and the first of them answers sooner."""
    answer = slot(0, 10, 9, Phase.DECODING)
    burst = [slot(sequence, 60, 0, Phase.PREFILLING) for sequence in range(1, 5)]
    batch = build_batch([answer, *burst], [], n_prompt_tokens=24, n_prefill_tokens=512)
    assert [(chunk.lane.sequence, chunk.n_tokens) for chunk in batch.chunks] == [
        (0, 1), (1, 60), (2, 36),
    ]  # fmt: skip


def test_a_long_prompt_does_not_take_the_shares_of_those_behind_it() -> None:
    """They would wait for all of it."""
    answer = slot(0, 10, 9, Phase.DECODING)
    long, short = slot(1, 5000, 0, Phase.PREFILLING), slot(2, 60, 0, Phase.PREFILLING)
    batch = build_batch([answer, long, short], [], n_prompt_tokens=24, n_prefill_tokens=512)
    assert [chunk.n_tokens for chunk in batch.chunks] == [1, 24, 24]


def test_a_long_prefix_has_the_shares_of_all_who_wait_for_it() -> None:
    """Else fifteen slots would idle while one prefix is computed bit by bit."""
    answer = slot(0, 10, 9, Phase.DECODING)
    prefix = Prefix(Lane(9, list(range(500))), n_users=15)
    batch = build_batch([answer], [prefix], n_prompt_tokens=24, n_prefill_tokens=512)
    assert [chunk.n_tokens for chunk in batch.chunks] == [1, 360]
