#!/usr/bin/env python3
"""Writes what ansible-core makes of each template in cases/ beside it, as NAME.out.

    python -m venv V && V/bin/pip install 'ansible-core==2.19.*' netaddr passlib jmespath
    ANSIBLE_COLLECTIONS_PATH=… V/bin/python record.py      (with the collection ansible.utils there)
"""
import glob
import json
import os

os.environ.setdefault("ANSIBLE_DEPRECATION_WARNINGS", "0")
import ansible.plugins.loader as plugins

plugins.init_plugin_loader(os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(":"))
from ansible.module_utils.common.text.converters import to_text
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "cases")
os.chdir(CASES)


def trusted(value):
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, list):
        return [trusted(item) for item in value]
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    return value


for path in sorted(glob.glob("*.j2")):
    loader = DataLoader()
    loader.set_basedir(CASES)
    variables = trusted(json.load(open(os.path.join(HERE, "vars.json"))))
    variables["ansible_managed"] = "Ansible managed"
    variables["ansible_search_path"] = [CASES]
    templar = Templar(loader, variables=variables).copy_with_new_env(searchpath=[os.path.join(CASES, "templates"), CASES], available_variables=variables)
    text = trust_as_template(loader.get_text_file_contents(path))
    try:
        result = templar.template(text, escape_backslashes=False, overrides=dict(trim_blocks=True, lstrip_blocks=False, newline_sequence="\n"))
    except Exception as error:
        print(path, "ERROR", error)
        continue
    out = "" if result is None else to_text(result, nonstring="simplerepr")
    with open(path[:-3] + ".out", "w", newline="") as file:
        file.write(out)
print(len(glob.glob("*.out")), "recorded")
