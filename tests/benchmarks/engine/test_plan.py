from itertools import groupby

from benchmarks.engine.plan import WORKLOADS, Workload, turns


def test_contenders_take_turns_at_going_first() -> None:
    """Whoever always goes second would always meet a warm machine."""
    plan = turns([Workload("a", ("guardtune", "native"), n_chats=1)], 2)

    assert [turn.contender for turn in plan] == ["guardtune", "native", "native", "guardtune"]


def test_contenders_of_a_workload_run_side_by_side() -> None:
    """The machine changes over minutes, so nothing comes between them."""
    runs = [key for key, _ in groupby(turns(WORKLOADS, 1), key=lambda turn: turn.workload.name)]

    assert len(runs) == len(set(runs))


def test_all_contenders_get_the_same_requests() -> None:
    """Prompts, seeds and lengths alike."""
    left, right = turns([Workload("a", ("guardtune", "native"), n_chats=3)], 1)

    assert left.workload.job(left.number) == right.workload.job(right.number)


def test_own_system_prompts_have_no_beginning_in_common() -> None:
    """Not within a run, and not with another one."""
    workload = Workload("a", n_chats=16)
    jobs = [workload.job(number) for number in (1, 2)]
    beginnings = {chat.messages[0]["content"][:6] for job in jobs for chat in job.chats}

    assert len(beginnings) == 32


def test_a_shared_system_prompt_is_new_in_each_run() -> None:
    """Else the second run would measure a warm cache."""
    workload = Workload("a", n_chats=16, sharing="shared")
    systems = [
        {chat.messages[0]["content"] for chat in workload.job(number).chats} for number in (1, 2)
    ]

    assert [len(one) for one in systems] == [1, 1]
    assert systems[0] != systems[1]


def test_a_warm_run_repeats_the_system_prompt_before_it_but_not_its_questions() -> None:
    """What is cached then is the system prompt, and nothing else."""
    cold, warm = turns(
        [
            Workload("a", ("native",), n_chats=2, sharing="shared"),
            Workload("b", ("native",), n_chats=2, sharing="warm"),
        ],
        1,
    )
    before, after = cold.workload.job(cold.number), warm.workload.job(warm.number)

    assert before.chats[0].messages[0] == after.chats[0].messages[0]
    assert {c.messages[1]["content"] for c in before.chats}.isdisjoint(
        c.messages[1]["content"] for c in after.chats
    )


def test_a_slow_workload_runs_in_some_repeats_only() -> None:
    """Every third, say."""
    plan = turns([Workload("a", ("native",), n_chats=1, every=3)], 4)

    assert [turn.repeat for turn in plan] == [0, 3]


def test_names_are_unique() -> None:
    """They are keys of the results."""
    names = [workload.name for workload in WORKLOADS]

    assert len(names) == len(set(names))
