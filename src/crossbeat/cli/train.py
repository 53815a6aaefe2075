"""``crossbeat train RECIPE --cohort C --out DIR``: train a recipe."""

from pathlib import Path

from crossbeat.cli.options import command, note, parse
from crossbeat.errors import ConfigError


def run(arguments: list[str]) -> None:
    """Train a recipe and save its model."""
    name, rest = _recipe_name(arguments)
    preset, rest = _preset(rest)
    from crossbeat.data.cohort import Cohort
    from crossbeat.recipes.presets import preset_named
    from crossbeat.recipes.record import is_finished
    from crossbeat.recipes.run import Plan, train
    from crossbeat.recipes.settings import recipe_named
    from crossbeat.training import TrainerSettings

    recipe = preset_named(preset)(recipe_named(name))
    parser = command(
        "train",
        f"Train recipe {name} (preset {preset}) on a cohort. --preset demo brings it to the size "
        "of the demo.",
    )
    parser.add_argument("--cohort", type=Path, required=True, help="folder of the cohort")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random")
    parser.add_argument("--trainer", type=TrainerSettings, default=TrainerSettings())
    parser.add_argument("--recipe", type=type(recipe), default=recipe)
    owners = {"recipe": type(recipe).__name__, "trainer": "TrainerSettings"}
    options = parse(parser, rest, owners)
    before = is_finished(options.out)
    plan = Plan(name=name, recipe=options.recipe, seed=options.seed)
    trained = train(plan, Cohort.open(options.cohort), options.out, trainer=options.trainer)
    seconds = sum(phase["seconds"] for phase in trained.phases)
    note(f"{'already trained' if before else 'trained'}: {name}, {seconds:.0f} s")
    if "ecg_encoder" in trained.parts:
        from crossbeat.cli.evaluate import save_model

        save_model(trained)
        note(f"model: {options.out / 'model'}")
    note(f"next: crossbeat evaluate {options.out}")


def _recipe_name(arguments: list[str]) -> tuple[str, list[str]]:
    if arguments and not arguments[0].startswith("-"):
        return arguments[0], arguments[1:]
    if set(arguments) & {"-h", "--help"}:
        return "cromotex", arguments
    raise ConfigError(
        "crossbeat train must start with a recipe, such as 'crossbeat train cromotex "
        "--cohort DIR --out DIR'; crossbeat recipes lists them"
    )


def _preset(arguments: list[str]) -> tuple[str, list[str]]:
    for at, argument in enumerate(arguments):
        if argument == "--preset" and at + 1 < len(arguments):
            return arguments[at + 1], arguments[:at] + arguments[at + 2 :]
        if argument.startswith("--preset="):
            return argument.partition("=")[2], arguments[:at] + arguments[at + 1 :]
    return "published", arguments
