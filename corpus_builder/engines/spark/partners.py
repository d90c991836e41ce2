"""Each pair once, no sentence in more than m pairs: the local engine's gate, distributed, exactly.

The local engine (:class:`corpus_builder.kernels.partners.PairGate`) goes through all pairs in order. A pair
that was let through before is dropped; so is a pair of which a sentence has m pairs already; the rest is let
through.

**Pairs that come again.** Partners only grow in number, so a pair refused for want of room is refused for
the same reason whenever it comes again, and a pair let through is "seen before" whenever it does. The first
of equal pairs decides for all: keep it, note how often the pair comes (``times``), and count ``times - 1``
pairs as seen before if it is let through, ``times`` as refused if it is not.

**The limit.** What is left is a graph, sentences joined by pairs in a total order, and the gate is the greedy
pass: accept a pair if at both ends fewer than m accepted pairs come before it. It is decided in rounds. A
pair is undecided, accepted or rejected; a sentence with A accepted pairs has room for ``cap = m - A``. In a
round, at once for all undecided pairs, with ``before`` the number of undecided pairs that come earlier at
that sentence:

    accept   if  before < cap  at both ends
    reject   if  cap = 0       at one end

These are the verdicts of the greedy pass, by induction over the rounds:

*Accept.* At one end, the pairs before f that the pass accepts are among the A accepted and the undecided ones
before f, so they are at most A + before < A + cap = m: there is room for f. Likewise at the other end.

*Lemma.* With e the last in order of a sentence's accepted pairs, at most cap undecided pairs come before e.
For when e was accepted, beside A' accepted pairs, u undecided ones came before it and u < m - A'. All pairs
that this sentence got in the same round and since come before e (it is the last), so they are among those u:
if they are k, then A = A' + 1 + k, and of the u at most u - k <= m - A' - 1 - k = m - A = cap are undecided.

*Reject.* With cap = 0 no undecided pair comes before e, by the lemma. So f comes behind e and thus behind m
accepted pairs, and the pass has no room for it.

*It ends.* The first of all undecided pairs has before = 0 at both ends: accepted, or rejected for cap = 0.

*An end with no more undecided pairs than room* (``open <= cap``) says yes to each of them now and in every
later round: whenever cap falls by one, one of the undecided pairs was accepted, so open falls too. Such an
end need not be looked at again; only the other end of the pair is carried on.

A round shuffles the ends of undecided pairs (and of those accepted in the round before) by sentence, then by
pair: numbers, no texts. What is undecided shrinks fast; once it is few pairs, the driver finishes in order.
"""

from __future__ import annotations

import logging
from collections import defaultdict

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from corpus_builder.engines.spark.sessions import stored

EDGES = "key bigint, position bigint, rank bigint, times bigint"
_LOG = logging.getLogger(__name__)
_ORDER = ("position", "rank", "key")


def first_of_equal(pairs: DataFrame) -> DataFrame:
    """The first of each pair in the order: ``key, position, rank, times, a, b``.

    Args:
        pairs: ``key`` (the same for the same pair, whichever way round), ``position, rank, a, b``.
    """
    first = F.min(F.struct("position", "rank", "a", "b")).alias("first")
    counted = pairs.groupBy("key").agg(first, F.count(F.lit(1)).alias("times"))
    return counted.select("key", "first.position", "first.rank", "times", "first.a", "first.b")


def admitted(edges: DataFrame, max_partners: int, *, most_on_driver: int, folder: str = "") -> DataFrame:
    """The pairs that the gate lets through: ``key, position, rank, times``.

    Args:
        edges: Of :func:`first_of_equal`; computed once (:func:`stored`).
        max_partners: m.
        most_on_driver: So many undecided pairs or fewer are decided by the driver (about 300 bytes each).
        folder: See :func:`stored`.
    """
    spark = edges.sparkSession
    halves = edges.withColumns({"cap": F.lit(max_partners).cast("int"), "accepted": F.lit(False)})
    halves = _ends(halves.withColumns({"a_cap": F.col("cap"), "b_cap": F.col("cap")}))
    undecided = edges.count()
    decided: list[DataFrame] = []
    while undecided > most_on_driver:
        verdicts = stored(_verdicts(_judged(halves)), folder, f"round-{len(decided)}")
        decided.append(verdicts.where("accepted").select("key", "position", "rank", "times"))
        undecided = verdicts.where("not accepted and not rejected").count()
        halves = _ends(verdicts.where("not rejected"))
        _LOG.info("partners: %d pairs undecided after round %d", undecided, len(decided))
    if undecided:
        rest = _in_order(_judged(halves).toArrow())
        decided.append(spark.createDataFrame(rest).to(spark.createDataFrame([], EDGES).schema))
    result = spark.createDataFrame([], EDGES)
    for some in decided:
        result = result.unionByName(some)
    return result


def _ends(edges: DataFrame) -> DataFrame:
    """Two rows a pair, one for each sentence that can still refuse it."""
    both = F.array(
        F.struct(F.lit(False).alias("second"), F.col("a").alias("node"), F.col("a_cap").alias("cap")),
        F.struct(F.lit(True).alias("second"), F.col("b").alias("node"), F.col("b_cap").alias("cap")),
    )
    rows = edges.select("key", "position", "rank", "times", "accepted", F.inline(both))
    return rows.where("node is not null")


def _judged(halves: DataFrame) -> DataFrame:
    """What each sentence says of each of its undecided pairs; accepted ones have taken their room."""
    by_order = Window.partitionBy("node").orderBy(*_ORDER)
    whole = by_order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    earlier = by_order.rowsBetween(Window.unboundedPreceding, -1)
    accepted = F.col("accepted").cast("int")
    rows = halves.withColumns(
        {
            "cap": (F.col("cap") - F.sum(accepted).over(whole)).cast("int"),
            "open": F.sum(1 - accepted).over(whole),
            "before": F.coalesce(F.sum(1 - accepted).over(earlier), F.lit(0)),
        }
    )
    return rows.where("not accepted").select(
        "key",
        "position",
        "rank",
        "times",
        "second",
        "node",
        "cap",
        (F.col("open") <= F.col("cap")).alias("free"),
        (F.col("before") < F.col("cap")).alias("yes"),
        (F.col("cap") <= 0).alias("no"),
    )


def _verdicts(judged: DataFrame) -> DataFrame:
    """One row a pair again: accepted, rejected or neither, and the ends that can still refuse it."""

    def end(second: bool, name: str) -> Column:
        here = (F.col("second") == F.lit(second)) & ~F.col("free")
        return F.max(F.when(here, F.col(name)))

    return judged.groupBy("key").agg(
        *(F.max(name).alias(name) for name in ("position", "rank", "times")),
        F.bool_and("yes").alias("accepted"),
        F.bool_or("no").alias("rejected"),
        end(False, "node").alias("a"),
        end(False, "cap").alias("a_cap"),
        end(True, "node").alias("b"),
        end(True, "cap").alias("b_cap"),
    )


def _in_order(judged: pa.Table) -> pa.Table:
    """The greedy pass itself, over the ends of the pairs that are left."""
    judged = judged.sort_by([(name, "ascending") for name in _ORDER])
    room: dict[int, int] = {}
    ends: defaultdict[int, list[int]] = defaultdict(list)
    columns = (judged[name].to_pylist() for name in ("key", "node", "cap", "free"))
    for key, node, cap, free in zip(*columns, strict=True):
        room.setdefault(node, cap)
        # Asked in the order of the pairs, since the dictionary keeps the order of first sight.
        ends[key] += () if free else (node,)
    kept = set()
    for key, nodes in ends.items():
        if all(room[node] > 0 for node in nodes):
            kept.add(key)
            for node in nodes:
                room[node] -= 1
    first = judged.select(["key", "position", "rank", "times"]).group_by("key", use_threads=False)
    rows = first.aggregate([("position", "max"), ("rank", "max"), ("times", "max")])
    rows = rows.rename_columns([name.removesuffix("_max") for name in rows.column_names]).select(
        ["key", "position", "rank", "times"]
    )
    return rows.filter(pa.array([key in kept for key in rows["key"].to_pylist()], pa.bool_()))
