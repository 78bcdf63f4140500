"""What the reference reaches, as docs/results.md: python -m benchmarks.results [--collect]

`--collect` first takes what is published of each run of a recipe that has been tested, from logs/<recipe>.seed_<seed>
into docs/runs/<recipe>.seed_<seed>.json: the result, and the curve at the iterations that were validated. The page and
its pictures are made of docs/runs alone, and nothing in them is typed in by hand.
"""

import csv
import json
import math
import re
from pathlib import Path

import click
import numpy as np
from matplotlib.figure import Figure

from benchmarks.recipes import HOMEWORKS, LOGS, RECIPES
from trainer import checkpoint
from trainer.score import Score

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
ACCURACY = Score("query_accuracy", "accuracy", percent=True)  # of runs that do not say what their score is
NOT_RUN = "not run"
COLUMNS = "| run | reference | target | seeds | iterations | hours | machine |\n|---|---|---|---|---|---|---|"
HEAD = """# Results

What the reference solutions reach on all of Omniglot, and how fast. `python -m benchmarks.results` writes this page
and its pictures from `docs/runs/`, and nothing here is typed in by hand. Scores are of the checkpoint that was best
in validation, on 600 meta-test tasks, with a 95% interval over those tasks. Hours are those of training, on the clock,
on a machine that may have had other work to do. Rows of a paper that differ only in the ways of the test share one
training.
"""
COMMANDS = """## Commands

Each trains and tests one row with the reference, with all tasks of a batch at once. Started again, it goes on where it
was stopped. `python -m hw2.train --recipe NAME` does the same with your own code. Rows of a GPU were made by
`python -m benchmarks.gpu train`, which takes the names of the rows with their seeds. Four ways of the black box are
trained on turned characters too (`--rotations`): with the other rows' settings it knows the training characters by
heart first, and stays below 70%.

"""
PROTOCOLS = """## Where the papers' code differs from their text

The rows `paper-` follow the text, the rows `code-` one thing that the published code does otherwise. What neither has
is said here.

MAML (Finn et al., 2017; github.com/cbfinn/maml):

- Text: inner rates 0.4 with 5 ways and 0.1 with 20. The code descends the sum of the support's cross entropies over K,
  which is N times their mean: by the mean, as here, its rate is 2 in both. The rows `code-maml` have that rate. With
  first-order gradients that rate failed here: in 3,000 iterations of three seeds, 5-way 1-shot and in TF32, accuracy
  stayed below 50%.
- The code's batch normalisation has an offset, learned by the outer loop alone, and its last layer begins with a
  standard deviation of 1. Here there is no offset, and the last layer begins as Xavier says.
- The code turns each character of a task once, at random: a task never has one character in two directions. Here, as in
  Santoro et al. (2016) and in Snell et al., each direction is a class of its own.
- The code takes the last checkpoint, from 200,000 fixed training tasks, and prints the accuracies after 1 to 10 steps
  on 600 test tasks. Text, and here: 3 steps with 5 ways, 5 with 20. Here the checkpoint is the best in validation.
- Both normalise each batch by its own statistics: all queries of a task are seen at once.

Prototypical networks (Snell et al., 2017; github.com/jakesnell/prototypical-networks):

- The code stops after 200 epochs without a better validation loss (5 ways, 100 episodes an epoch), then trains anew on
  training and validation classes together for as many epochs as the best one and 200, and tests the last network. The
  rows `code-protonet` train on both; 30,000 episodes and the checkpoint that is best in validation stay.
- The code passes support and query through the network as one batch in training. Here each is a batch.
- The code rotates the 105x105 drawing and then makes it smaller; here the small drawing is turned.
- 1,000 test episodes there, 600 here.

Reptile (Nichol et al., 2018; github.com/openai/supervised-reptile):

- Its table 2 has 97.68% for 5 ways and 1 shot with transduction, where batch normalisation sees all queries of a task
  at once, as here, and 95.39% without.
- The code's inner loop is Adam without momentum, whose second moments live on from task to task; here it is gradient
  descent. With 5 ways it takes 100,000 iterations (5-shot; 1-shot with transduction) or 200,000.

iMAML (Rajeswaran et al., 2019; github.com/aravindr93/imaml_dev):

- Its commands have 16 steps of rate 0.1, lambda 2, 5 steps of conjugate gradient and at least 20,000 iterations, as the
  row has them. They adapt without lambda in the test; here lambda stays.

"""


def collect(folder: Path) -> dict | None:
    """What is published of one run; None if it has not been tested.

    Args:
        folder: logs/<recipe>.seed_<seed>.
    """
    tests = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("best.test*.json"))]
    tests = [test for test in tests if test["recipe"] in RECIPES]
    if not tests:
        return None
    last = checkpoint.read_facts(folder / "last.safetensors")
    with open(folder / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        **tests[-1],
        "iterations": last["iteration"],
        "seconds": round(last["seconds"]),
        "machine": last["machine"],
        "curve_way": last["settings"].get("num_way"),
        "curve": curve(rows, score_of(tests[-1])),
    }


def score_of(run: dict) -> Score:
    """What a run's test has measured."""
    return Score(**run["score"]) if "score" in run else ACCURACY


def curve(rows: list[dict[str, str]], score: Score = ACCURACY) -> dict[str, list[float | None]]:
    """The rows of a log that were validated; what was measured in training is averaged from one to the next."""
    names = [f"{part}_{what}" for part in ("train", "val") for what in ("loss", score.name)]
    columns: dict[str, list[float | None]] = {name: [] for name in ("iteration", *names)}
    since: dict[str, list[float]] = {name: [] for name in names if name.startswith("train_")}
    for row in rows:
        for name, values in since.items():
            values += [float(row[name])] if row[name] else []
        if not row["val_loss"]:
            continue
        columns["iteration"].append(int(row["iteration"]))
        for name in names:
            values = since[name] if name in since else [float(row[name])]
            columns[name].append(round(float(np.mean(values)), 5) if values else None)
        since = {name: [] for name in since}
    return columns


def planned(name: str) -> int | None:
    """How many iterations a recipe asks for, where it says."""
    found = re.search(r"--num-iterations (\d+)", RECIPES[name].words)
    return int(found.group(1)) if found else None


def row(name: str, runs: list[dict]) -> str:
    """A recipe's row of a table: its runs, or that it has not been run."""
    target = RECIPES[name].target_text
    if not runs:
        return f"| `{name}` | {NOT_RUN} | {target} | | | | |"
    shown = "<br>".join(_measured(run) for run in runs)
    seeds = ", ".join(str(run["settings"]["seed"]) for run in runs)
    length = "<br>".join(sorted({words_of_length(name, run["iterations"]) for run in runs}))
    hours = "<br>".join(f"{run['seconds'] / 3600:{'.1f' if run['seconds'] > 180 else '.1g'}}" for run in runs)
    machines = "<br>".join(sorted({run["machine"] for run in runs}))
    return f"| `{name}` | {shown} | {target} | {seeds} | {length} | {hours} | {machines} |"


def _measured(run: dict) -> str:
    """The score of a test with its interval: 97.2% ± 0.3%."""
    score = score_of(run)
    return f"{score.text(run[score.key])} ± {score.text(run['confidence_95'])}"


def words_of_length(name: str, done: int) -> str:
    """The number of iterations, and whether it is less than was planned."""
    whole = planned(name)
    return f"{done:,} of {whole:,}, cut short" if whole and done < whole else f"{done:,}"


def tables(runs: dict[str, list[dict]]) -> dict[str, str]:
    """Source -> table of its targets beside what the reference reaches."""
    sources: dict[str, list[str]] = {}
    for name, recipe in RECIPES.items():
        sources.setdefault(recipe.source, []).append(row(name, runs.get(name, [])))
    return {source: "\n".join([COLUMNS, *rows]) for source, rows in sources.items()}


def draw(name: str, runs: list[dict], path: Path) -> None:
    """The learning curves of a recipe's runs: their score in training, faint, and in validation."""
    figure = Figure(figsize=(7, 3.6), dpi=100, layout="constrained")
    axes = figure.subplots()
    score = score_of(runs[0])
    scale = 100 if score.percent else 1
    for number, run in enumerate(runs):
        curve, colour = run["curve"], f"C{number}"
        for part, style in (("train", {"alpha": 0.4}), ("val", {"marker": "o", "markersize": 3})):
            values = [math.nan if value is None else scale * value for value in curve[f"{part}_{score.name}"]]
            tasks = f"meta-{'training' if part == 'train' else 'validation'}{_ways(run['curve_way'])}"
            label = f"{tasks}, seed {run['settings']['seed']}"
            axes.plot(curve["iteration"], values, color=colour, linewidth=1.2, label=label, **style)
    label = f"target{_ways(runs[0]['settings'].get('num_way'))}"
    axes.axhline(scale * RECIPES[name].target, color="grey", linestyle=":", label=label)
    unit = " [%]" if score.percent else ""
    axes.set(title=name, xlabel="iteration [batches of tasks]", ylabel=f"query {score.words}{unit}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize="small", loc="lower right" if score.best == "high" else "upper right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})


def _ways(way: int | None) -> str:
    return f", {way}-way" if way else ""


def page(runs: dict[str, list[dict]], benchmarks: list[dict]) -> str:
    """docs/results.md."""
    parts = [HEAD]
    for source, table in tables(runs).items():
        parts.append(f"## Targets of {source}\n\n{table}\n")
    parts.append(PROTOCOLS.rstrip() + "\n")
    seeds = {name: [run["settings"]["seed"] for run in runs.get(name, [])] or [0] for name in RECIPES}
    commands = [
        f"python -m benchmarks.recipes {name} --seed {seed}  # {recipe.words}"
        for name, recipe in RECIPES.items()
        for seed in seeds[name]
    ]
    parts.append(COMMANDS + "```sh\n" + "\n".join(commands) + "\n```\n")
    if curves := [f"![{name}](curves/{name}.png)" for name in runs]:
        parts.append("## Learning curves\n\n" + "\n\n".join(curves) + "\n")
    parts += [SPEED[facts["benchmark"]](facts) for facts in benchmarks]
    return "\n".join(parts)


def episodes(facts: dict) -> str:
    """How fast episodes are drawn."""
    rows = ["| way to draw | a second of processor time | times | target |", "|---|---|---|---|"]
    speeds = facts["per_processor_second"]
    for name, speed in speeds.items():
        target = facts["targets"].get(name)
        times = f"{speed / speeds[target['of']]:.3g}" if target else ""
        rows.append(
            f"| {name} | {speed:,.0f} | {times} | {target['times']} x {target['of']} |"
            if target
            else f"| {name} | {speed:,.0f} | | |"
        )
    rows += ["", "| training step | drawing its batch | of the step |", "|---|---|---|"]
    for name, part in facts["drawing"].items():
        rows.append(f"| {name} | {1e3 * part['seconds']:.2f} ms | {part['seconds'] / part['of_step']:.1%} |")
    return f"## Drawing episodes\n\n`{facts['command']}`, {facts['machine']}.\n\n" + "\n".join(rows) + "\n"


def meta_step(facts: dict) -> str:
    """How fast MAML's outer step is."""
    rows = ["| | steps a second | batched is | share of the rate of matrix products |", "|---|---|---|---|"]
    for name, way in facts["ways"].items():
        times, share = way["batched_is_times_faster"], way["share_of_matrix_product_rate"]
        rows.append(f"| {name} | {way['steps_per_second']:.2f} | {times:.2f} x | {share:.0%} |")
    rows += [f"\n{name} could not be imported: {why}." for name, why in facts["not_importable"].items()]
    words = (
        f"`{facts['command']}`, {facts['machine']}, medians of {facts['updates']} steps. A step is "
        f"{facts['flops_per_step'] / 1e9:.2f} GFLOP; matrix products run at "
        f"{facts['matrix_product_flops_per_second'] / 1e9:.0f} GFLOP/s. Target: {facts['target']:g} x the plain loop."
    )
    if "learn2learn" in facts["ways"]:
        rows.append(LEARN2LEARN)
    return f"## MAML's outer step\n\n{words}\n\n" + "\n".join(rows) + "\n"


LEARN2LEARN = (
    "\nlearn2learn does not install beside a torch of today as it is published: its Cython files were compiled anew, "
    "and the operators of torchvision that it imports were stood in for. Neither is in a step."
)


def gpu(facts: dict) -> str:
    """How fast MAML's steps are on a GPU."""
    limits, parts = facts["limits"], []
    for name, setting in facts["settings"].items():
        speeds = setting["steps_per_second"]
        rows = ["| | steps a second | times the plain loop | share of the limit | error of the gradient |"]
        rows.append("|---|---|---|---|---|")
        for way, speed in speeds.items():
            times, share = speed / speeds["plain loop"], speed * setting["least_seconds"]
            error = f"{setting['gradient_error'][way]:.0e}" if way in setting["gradient_error"] else ""
            rows.append(f"| {way} | {speed:,.{1 if speed < 100 else 0}f} | {times:.0f} | {share:.1%} | {error} |")
        parts.append(
            f"{GPU_SETTINGS[name]}: {setting['flops_per_step'] / 1e9:.1f} GFLOP a step, "
            f"{setting['bytes_per_step'] / 1e9:.2f} GB if each operand of a product is moved once. Fused it is "
            f"{setting['kernels']:,} kernels, and {setting['products_share_of_kernel_time']:.0%} of their time is that "
            "of products.\n\n" + "\n".join(rows)
        )
    words = (
        f"`{facts['command']}`, {facts['machine']}. Matrix products run at "
        f"{limits['product_flops_per_second'] / 1e12:.0f} TFLOP/s in float32 and "
        f"{limits['product_flops_per_second_in_tf32'] / 1e12:.0f} in TF32, copies at "
        f"{limits['copied_bytes_per_second'] / 1e12:.2f} TB/s. The limit is the longer of two times: operations at the "
        "rate of float32, bytes at that of copies. Target: 10 x the plain loop. Errors are relative, against doubles: "
        "rounding flips signs of what ReLU is given, so they are about the square root of the rounding. So MAML is "
        "trained in float32, not in TF32."
    )
    return f"## MAML's outer step on a GPU\n\n{words}\n\n" + "\n\n".join(parts) + "\n"


def budget(facts: dict) -> str:
    """What each method reaches in the same processor time."""
    minutes, measured = facts["budget"], facts["rows"]
    rows = ["| method | accuracy | steps | ms a step | memory of a step |", "|---|---|---|---|---|"]
    for run in measured:
        rows.append(
            f"| {run['title']} | {run['accuracy']:.1%} ± {run['confidence_95']:.1%} | {run['iterations']:,} "
            f"| {1e3 * run['processor_seconds'] / run['iterations']:.0f} | {run['memory_bytes'] / 1e6:.1f} MB |"
        )
    rows += [f"| {title} | {NOT_RUN} | | | |" for title in facts["not_run"]]
    settings = [run["settings"] for run in measured]
    adam = [setting for setting in settings if setting.get("outer_lr", 1) < 0.1]  # others move by a share of the way
    words = (
        f"`python -m benchmarks.budget --minutes {minutes:g} --json docs/runs/budget.json`, "
        f"{', '.join(sorted({run['machine'] for run in measured}))}, seed {facts['seed']}. Each method is trained for "
        f"{minutes:g} {'minute' if minutes == 1 else 'minutes'} of processor time, validation not counted: for so long "
        f"a core is busy with it. All have {_common(settings, 'num_way')} ways, {_common(settings, 'num_support')} "
        f"shot, {_common(settings, 'num_query')} query drawings of each class and {_common(settings, 'num_tasks')} "
        f"tasks in a batch; where the number of inner steps is free it is {_common(settings, 'num_inner_steps')} in "
        f"training, and the rate of Adam in an outer loop is {_common(adam, 'outer_lr')}. All else is as in the "
        "course's recipe, and nothing was chosen by this table. The network is that of MAML, four convolutions of 32 "
        "filters and stride 2; prototypical networks have their own, of 64 filters without stride. Fine-tuning's steps "
        "are of pre-training, on batches of single drawings. The accuracy is of the checkpoint that was best in "
        f"validation, on {_common(measured, 'tasks')} meta-test tasks, with a 95% interval over them. Memory is the "
        "most bytes of tensors that a training step holds at once, without the program and the drawings."
    )
    return f"## The same time for every method\n\n{words}\n\n" + "\n".join(rows) + "\n"


def _common(settings: list[dict], name: str) -> str:
    """What all that have a setting have for it, or all that there is."""
    return " or ".join(sorted({f"{setting[name]:g}" for setting in settings if name in setting}))


GPU_SETTINGS = {
    "speed-course": "5-way 1-shot, 15 queries, 16 tasks, 32 filters, 1 step",
    "speed-maml-5w1s": "5-way 1-shot of the paper, 32 tasks, 64 filters, 1 step",
    "speed-fomaml-5w1s": "The same, first order",
    "speed-maml-5w5s": "5-way 5-shot of the paper, 32 tasks, 64 filters, 1 step",
    "speed-maml-20w1s": "20-way 1-shot of the paper, 16 tasks, 64 filters, 5 steps",
}
SPEED = {"episodes": episodes, "meta_step": meta_step, "gpu": gpu, "budget": budget}


def published(docs: Path) -> tuple[dict[str, list[dict]], list[dict]]:
    """What lies in docs/runs: recipe -> its runs by seed, and the benchmarks."""
    facts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((docs / "runs").glob("*.json"))]
    runs: dict[str, list[dict]] = {}
    for name in HOMEWORKS:
        if done := [fact for fact in facts if fact.get("recipe") == name]:
            runs[name] = sorted(done, key=lambda run: run["settings"]["seed"])
    return runs, [fact for fact in facts if "benchmark" in fact]


@click.command(help=__doc__)
@click.option("--collect", "collecting", is_flag=True, help="Take results from the logs first.")
@click.option("--logs", type=click.Path(path_type=Path), default=LOGS, show_default=True)
def main(collecting: bool, logs: Path) -> None:
    """Write docs/results.md and its pictures."""
    if collecting:
        for folder in sorted(logs.glob("*.seed_*")):
            if facts := collect(folder):
                path = DOCS / "runs" / f"{folder.name}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
                click.echo(f"collected {folder.name}")
            else:
                click.echo(f"{folder.name} has not been tested yet")
    runs, benchmarks = published(DOCS)
    (DOCS / "results.md").write_text(page(runs, benchmarks), encoding="utf-8")
    for name, done in runs.items():
        draw(name, done, DOCS / "curves" / f"{name}.png")
    click.echo(f"written: {DOCS / 'results.md'}")


if __name__ == "__main__":
    main()
