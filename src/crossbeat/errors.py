"""What the user gave us was wrong: shown as one sentence, without a traceback."""


class UserError(Exception):
    """Something that the user can put right; the text says what is wrong and what to do."""


class ConfigError(UserError):
    """A setting, a recipe name or a command-line value is wrong."""


class DataError(UserError):
    """A file, a signal, an image or a cohort is not what it should be."""


class CheckpointError(UserError):
    """Weights or a run do not belong to the model or the settings that they are loaded into."""
