"""Environment files of every kind, drawn, and what a process has of one."""

import random

NAMES = ["A", "B_1", "_c", "lower", "EXHIBITOR_BACKEND", "EXHIBITOR_STATICENSEMBLE", "ZK_CONFIG_CONNECT", "A", "A"]
NO_NAMES = ["1A", "A-B", "export A", "A B", "ä", ""]
PIECES = [
    "a", "b c", "5:10.10.0.104,4:10.10.0.122", "/", "é", "#", ";", "$A", "${A}", "`id`", "=", " ", "  ", "\t", "\\\\", "\\\n",
    "\\ ", "\\\"", "\\'", "\\$", "\\a", "\\#", "\"", "'", "\"\"", "''", "\n", "\r\n", "\r",
]


def value(chance):
    kind = chance.randrange(6)
    if kind == 0:
        return '"' + "".join(chance.choice(["a", " ", "'", "#", "\\\"", "\\\\", "\\$", "\\`", "\\\n", "\n", "=", "é"]) for _ in range(chance.randrange(5))) + '"'
    if kind == 1:
        return "'" + "".join(chance.choice(["a", " ", '"', "#", "$A", "\n", "=", "é"]) for _ in range(chance.randrange(5))) + "'"
    return "".join(chance.choice(PIECES) for _ in range(chance.randrange(6)))


def line(chance):
    kind = chance.randrange(12)
    if kind == 0:
        return chance.choice(["#", ";", " #", "\t;"]) + "".join(chance.choice(PIECES) for _ in range(4))
    if kind == 1:
        return chance.choice(["", " ", "\t", "no assignment", "\\", "a\\\nb"])
    name = chance.choice(NO_NAMES if kind == 2 else NAMES)
    blank = lambda: chance.choice(["", "", "", " ", "\t "])
    values = "".join(value(chance) + blank() for _ in range(chance.choice([0, 1, 1, 1, 2, 3])))
    return blank() + name + blank() + "=" + blank() + values


def differs_by_version(text):
    """Whether systemd 219 and later ones read the file differently; see cases/environment.py."""
    state, escaped = "pre_key", False
    for c in text:
        newline = c in "\n\r"
        if escaped:
            if state == "double" and c not in '"\\`$\n':
                return True
            escaped = False
            if state == "pre_value":
                state = "value"
        elif state == "pre_key":
            state = "comment" if c in "#;" else "pre_key" if c in " \t\n\r" else "key"
        elif state == "key":
            state = "pre_key" if newline else "pre_value" if c == "=" else "key"
        elif state in ("pre_value", "value"):
            if newline:
                state = "pre_key"
            elif c == "\\":
                escaped = True
            elif state == "pre_value" and c in "'\"":
                state = "single" if c == "'" else "double"
            elif c not in " \t":
                state = "value"
        elif state == "comment":
            escaped = c == "\\"
            state = "pre_key" if newline else "comment"
        elif state == "single":
            if c == "\\":
                return True
            state = "pre_value" if c == "'" else "single"
        elif state == "double":
            escaped = c == "\\"
            state = "pre_value" if c == '"' else "double"
        # A carriage return that gets into a value is a control character.
        if c == "\r" and (state in ("single", "double") or (state == "value" and not newline)):
            return True
    return state == "double" and escaped


def files(count, seed):
    """So many texts by name. The first is empty."""
    chance, made = random.Random(seed), {"000": ""}
    while len(made) < count:
        text = "".join(line(chance) + chance.choice(["\n", "\n", "\n", "\r\n"]) for _ in range(chance.randrange(1, 7)))
        if chance.randrange(3) == 0:
            text = text[: chance.randrange(len(text) + 1)]
        if not differs_by_version(text):
            made[f"{len(made):03}"] = text
    return made


def read_back(content):
    """The variables in what `env -0` wrote; None where there is nothing: the process did not start."""
    if content is None:
        return None
    return dict(entry.split("=", 1) for entry in content.decode().split("\0") if entry)
