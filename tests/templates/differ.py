#!/usr/bin/env python3
"""Small expressions over all filters and methods, with arguments by chance: one JSON object a line, {"text": …, "vars": …}.

    differ.py SEED COUNT

Whoever has both engines at hand hands each line to both, and compares the answers.
"""
import json
import random
import sys

chance = random.Random(int(sys.argv[1]))
count = int(sys.argv[2])

WORDS = ["", "a", "abc", "A b C", "hello world", "foo-bar_baz", "x=1,y=2", "/etc/nginx/nginx.conf", "10.0.0.1", "true", "no",
         "0755", "1.5", "1e3", "12:30", "2001-01-01", "null", "it's", 'say "hi"', "tab\there", "line1\nline2\n", "  pad  ", "ünïcode",
         "{x}", "%s", "a.b.c", "-1", "#c", "key: value", "- item", "@at", "very long text that goes on and on until it has to be "
         "folded because it is wider than eighty characters in total", "1.2.3", "v1.10", "~", "*", "&a", "!t", "[1]", "{}", "a: b # c"]
NUMBERS = [0, 1, -1, 2, 7, 10, 255, 1024, 1048576, 123456789, -42]
FLOATS = [0.0, 1.5, -2.25, 3.14159, 1e20, 1e-7, 2.5, 0.1, 100.0]


def scalar():
    return chance.choice([lambda: chance.choice(WORDS), lambda: chance.choice(NUMBERS), lambda: chance.choice(FLOATS),
                          lambda: chance.choice([True, False, None])])()


def word():
    return chance.choice(WORDS)


def words(most=5):
    return [word() for _ in range(chance.randint(0, most))]


def numbers(most=5):
    return [chance.choice(NUMBERS) for _ in range(chance.randint(1, most))]


def value(depth=2):
    kind = chance.random()
    if depth == 0 or kind < 0.4:
        return scalar()
    if kind < 0.7:
        return [value(depth - 1) for _ in range(chance.randint(0, 3))]
    return {chance.choice(["a", "b", "key", "x y", "n1", "Z", "true", "1"]): value(depth - 1) for _ in range(chance.randint(0, 3))}


def mapping(depth=2):
    return {k: value(depth) for k in chance.sample(["a", "b", "c", "D", "e f", "10"], chance.randint(0, 4))}


def rows():
    return [{"name": word(), "n": chance.choice(NUMBERS), "on": chance.random() < 0.5, "tags": words(2)}
            for _ in range(chance.randint(1, 4))]


def py(v):
    return json.dumps(v, ensure_ascii=False).replace("true", "true") if not isinstance(v, str) else json.dumps(v, ensure_ascii=False)


def pick(*options):
    return chance.choice(options)


def width():
    return pick(5, 10, 20, 40)


CASES = [
    lambda: ("v | %s" % pick("upper", "lower", "capitalize", "title", "trim", "length", "string", "reverse", "list", "first", "last",
                             "wordcount", "escape", "urlencode", "quote", "b64encode", "md5", "sha1", "checksum", "to_uuid",
                             "regex_escape", "basename", "dirname", "splitext", "striptags", "bool", "int", "float", "hash('sha256')",
                             "hash('md5')", "type_debug", "comment", "comment('c')", "comment('cblock')", "comment('xml')",
                             "comment('erlang')", "urlsplit", "normpath", "from_yaml"), word()),
    lambda: ("v | %s" % pick("center(%d)" % width(), "truncate(%d)" % width(), "truncate(%d, true)" % width(), "wordwrap(%d)" % width(),
                             "indent(%d)" % pick(2, 4), "indent(2, true)", "indent(3, false, true)", "replace('a', 'X')",
                             "replace('l', '', 1)", "split", "split(',')", "split('.', 1)", "default('d', true)", "truncate(8, leeway=0)",
                             "wordwrap(12, false)", "comment(decoration='! ')", "comment(prefix='', postfix='')", "comment('plain', newline='\\n')",
                             "b64encode | b64decode", "regex_replace('[aeiou]', '<\\\\g<0>>')", "regex_replace('(\\\\w)(\\\\w)', '\\\\2\\\\1')",
                             "regex_replace('^', '> ', multiline=true)", "regex_replace('\\\\s*$', '')", "regex_search('\\\\d+')",
                             "regex_search('(\\\\w+).(\\\\w+)', '\\\\1', '\\\\2')", "regex_findall('\\\\w+')", "regex_findall('(\\\\w)(\\\\w)')",
                             "regex_replace('B', '_', ignorecase=true)", "regex_replace('x*', '-')"), word()),
    lambda: ("v.%s" % pick("upper()", "title()", "split()", "split(',')", "rsplit('.', 1)", "splitlines()", "strip()", "lstrip('/a')",
                           "partition('=')", "rpartition('/')", "find('b')", "count('a')", "startswith('a')", "endswith(('c', 'f'))",
                           "zfill(6)", "center(9, '*')", "ljust(8, '.')", "rjust(8)", "isdigit()", "isalpha()", "islower()", "swapcase()",
                           "replace('a', 'bb')", "index('a')", "removeprefix('a')", "expandtabs(4)", "capitalize()", "casefold()",
                           "isspace()", "istitle()", "isidentifier()", "join(['1', '2'])", "format(1, 2)", "splitlines(true)"), word()),
    lambda: ("v | %s" % pick("to_json", "to_nice_json", "to_yaml", "to_nice_yaml", "tojson", "to_json(ensure_ascii=false)", "to_nice_json(indent=2)",
                             "to_nice_yaml(indent=2)", "to_yaml(default_flow_style=false)", "to_nice_yaml(width=30)", "to_json(indent=1)",
                             "to_yaml(width=20)", "to_nice_yaml(sort_keys=false)", "to_json(sort_keys=true)", "to_json(separators=(',', ':'))",
                             "to_nice_json(sort_keys=false)", "string", "type_debug", "to_yaml | from_yaml", "to_json | from_json",
                             "to_yaml(explicit_start=true)", "default('x')", "ternary('y', 'n')", "to_nice_yaml(indent=8)"), value(3)),
    lambda: ("v | %s" % pick("sort", "unique", "join(',')", "join", "first", "last", "length", "min", "max", "reverse | list", "batch(2) | list",
                             "batch(3, 'x') | list", "slice(2) | list", "map('upper') | list", "map('length') | list", "select | list",
                             "reject | list", "select('match', '^a') | list", "reject('search', 'b') | list", "sort(reverse=true)",
                             "sort(case_sensitive=true)", "zip([1, 2, 3]) | list", "zip_longest([1, 2], fillvalue='-') | list",
                             "product(['p', 'q']) | list", "combinations(2) | list", "permutations(2) | list", "random(seed='s')",
                             "shuffle(seed='s')", "random(seed=5)", "map('regex_replace', 'a', 'b') | list", "unique(case_sensitive=true)",
                             "path_join", "map('int') | sum", "map('default', 'z', true) | list", "contains('a')", "select('in', ['a', 'abc']) | list")
             .replace("contains('a')", "join('|')"), words() + ["abc"]),
    lambda: ("v | %s" % pick("sum", "min", "max", "sort", "map('abs') | list", "union([1, 500])", "difference([0, 1])", "intersect([7, 10])",
                             "symmetric_difference([1])", "map('string') | join", "select('gt', 5) | list", "select('odd') | list",
                             "reject('divisibleby', 2) | list", "map('human_readable') | list", "shuffle(seed=3)", "map('pow', 2) | list",
                             "map('root') | list", "sum(start=10)", "flatten", "random(seed='x')").replace("map('root')", "map('abs') | map('root')"), numbers()),
    lambda: ("v | %s" % pick("map(attribute='name') | list", "selectattr('on') | map(attribute='n') | list", "rejectattr('n', 'gt', 5) | map(attribute='n') | list",
                             "groupby('on') | list", "groupby('n')", "sort(attribute='n') | map(attribute='n') | list", "sum(attribute='n')",
                             "items2dict('name', 'n')", "subelements('tags')", "max(attribute='n')", "sort(attribute='on,n') | map(attribute='n') | list",
                             "unique(attribute='on') | length", "map('extract', {'a': 1}) | list", "map(attribute='zz', default='q') | list",
                             "selectattr('name', 'match', 'a') | list | length", "rekey_on_member('n', duplicates='overwrite')", "to_nice_yaml",
                             "json_query('x')", "map('combine', {'k': 1}) | list", "selectattr('tags', 'contains', 'a') | list | length")
             .replace("map('extract', {'a': 1})", "map(attribute='tags')").replace("json_query('x')", "to_json"), rows()),
    lambda: ("v | %s" % pick("dict2items", "dictsort", "dictsort(by='value')", "combine({'a': 9, 'q': {'r': 1}})", "combine({'b': [1]}, recursive=true)",
                             "combine({'a': [1, 2]}, {'a': [2, 3]}, list_merge='append_rp')", "combine({'a': {'x': 1}}, {'a': {'y': 2}}, recursive=true)",
                             "combine({'a': [5]}, list_merge='prepend')", "list", "length", "items | list", "dict2items('k', 'v')",
                             "to_nice_yaml", "to_yaml", "to_nice_json", "urlencode", "dictsort(reverse=true)", "type_debug")
             .replace("urlencode", "to_json") if chance.random() < 0.9 else "v.%s" % pick("items() | list", "keys() | list", "values() | list",
                                                                                  "get('a')", "get('zz', 5)"), mapping()),
    lambda: ("v %s %s" % (pick("+", "-", "*", "/", "//", "%", "**", "<", ">=", "==", "!=", "~"), pick("2", "3", "-2", "0.5", "7")),
             chance.choice(NUMBERS + FLOATS)),
    lambda: ("v | %s" % pick("round", "round(1)", "round(2, 'floor')", "round(0, 'ceil')", "abs", "int", "float", "string", "human_readable",
                             "human_readable(isbits=true)", "filesizeformat", "filesizeformat(true)", "bool", "log(2)", "pow(2)",
                             "human_readable(unit='K')", "round(-1)").replace("log(2)", "abs"), chance.choice(NUMBERS + FLOATS)),
    lambda: ("'%s' %% v" % pick("%d", "%5d|", "%-6d|", "%05d", "%x", "%o", "%.2f", "%8.3f|", "%e", "%g", "%s", "%r", "%+d", "%c" if False else "%i"),
             chance.choice(NUMBERS)),
    lambda: ("'%s'.format(v)" % pick("{}", "{:>8}|", "{:<8}|", "{:^8}|", "{:05d}", "{:x}", "{:,}", "{:+}", "{:.3f}", "{:e}", "{0} {0}", "{!r}", "{:#x}", "{:08.2f}"),
             chance.choice(NUMBERS)),
    lambda: ("v | human_to_bytes%s" % pick("", "", "(isbits=false)"), pick("10K", "1.5 MB", "2G", "512", "3KB", "1 gigabyte", "7b", "5B")),
    lambda: ("v | ansible.utils.ipaddr%s" % pick("", "('address')", "('network')", "('netmask')", "('prefix')", "('broadcast')", "('host')", "('size')",
                                                 "('private')", "('public')", "('type')", "('cidr')", "('subnet')", "('int')", "('1')", "('-1')", "('wrap')",
                                                 "('hostmask')", "('net')", "('version')", "('revdns')", "('10.0.0.0/8')", "('address/prefix')", "('host/prefix')",
                                                 "('size_usable')", "('loopback')", "('link-local')", "('bool')", "('ipv6')", "('ipv4')", "('network_netmask')",
                                                 "('unicast')", "('multicast')", "('6to4')", "('5')", "('ip/prefix')", "('ip_netmask')"),
             pick("10.0.0.1", "192.168.1.17/24", "10.0.0.0/8", "fe80::1", "2001:db8::1/64", "::1", "127.0.0.1", "8.8.8.8", "8.8.8.8/32", "nonsense",
                  "192.168.0.0/30", "10.1.1.0/31", "10.1.1.1/31", "224.0.0.1", "2001:db8::/32", "172.16.5.4/255.255.0.0", "", "169.254.1.1", "fd00::5/48")),
    lambda: ("v | ansible.utils.%s" % pick("ipv4", "ipv6", "ipwrap", "ipv4('address')", "ipv6('prefix')", "ipsubnet", "ipsubnet(26)", "ipsubnet(28, 1)",
                                           "ipmath(5)", "nthhost(3)", "ipaddr('first_usable')", "ipaddr('last_usable')", "ipaddr('range_usable')",
                                           "ipaddr('next_usable')", "ipaddr('peer')", "network_in_usable('10.0.0.5')", "ipsubnet(16)", "ipmath(-1)"),
             pick("10.0.0.0/24", "192.168.1.17/24", "fe80::1/64", "2001:db8::/48", "10.0.0.1/30", "10.0.0.9/31", "172.16.0.0/12")),
    lambda: ("v is %s" % pick("string", "number", "mapping", "sequence", "iterable", "none", "boolean", "integer", "float", "defined", "truthy", "falsy",
                              "truthy(convert_bool=true)", "falsy(convert_bool=true)", "sameas none", "in ['a', 1]", "true", "false"), value(1)),
    lambda: ("v is %s" % pick("match('a')", "search('b')", "regex('^h', match_type='match')", "match('A', ignorecase=true)", "lower", "upper",
                              "eq 'abc'", "in 'abcabc'", "abs", "url", "urn", "uri", "exists", "file", "directory"), word()),
    lambda: ("v is version('%s', '%s'%s)" % (pick("1.2.3", "1.10", "2.0", "1.2.3-rc1", "1.0.0"), pick("<", "<=", ">", ">=", "==", "!=", "lt", "ge"),
                                             pick("", "", ", strict=true", ", version_type='semver'", ", version_type='pep440'", ", version_type='loose'")),
             pick("1.2.3", "1.10.0", "2.0", "1.2", "1.2.3-rc1", "1.9", "3.0.0a1", "v1.10")),
    lambda: ("v | %s" % pick("to_datetime", "to_datetime('%Y-%m-%d %H:%M:%S')", "strftime(0, utc=true)", "strftime(1700000000, utc=true)"),
             pick("2024-02-29 12:34:56", "2001-01-01 00:00:00", "%Y-%m-%d", "%H:%M:%S %j %a %b", "%d/%m/%y %I %p", "%s %U %u %V %G")),
    lambda: ("v | password_hash('%s', 'saltsalt'%s)" % (pick("sha512", "sha256", "md5"), pick(", rounds=1000", ", rounds=5000", ", rounds=1234")
                                                       if chance.random() < 1 else ""), pick("secret", "pässword", "x" * 70)),
    lambda: ("v | %s" % pick("flatten", "flatten(levels=1)", "flatten(skip_nulls=false)", "to_json", "union([1])", "unique", "difference([[1]])"),
             [value(2) for _ in range(chance.randint(0, 4))]),
    lambda: ("lookup('%s', v)" % pick("items", "list", "nested", "together", "indexed_items"), [words(3), numbers(3)]),
    lambda: ("query('sequence', '%s')" % pick("end=5", "start=2 end=8 stride=2", "count=3", "1-4", "start=1 end=3 format=web%02d", "5", "start=0 count=4"), None),
    lambda: ("v[%s]" % pick("0", "-1", "1:", ":2", "::2", "::-1", "5", "-3:-1", "1:100"), pick([1, 2, 3, 4], "abcdef", ["a", "b"])),
    lambda: ("v | from_yaml | to_json", pick("a: 1\nb: [x, yes, 0755, 1.5]\n", "- 1\n- null\n- ~\n- 'q'\n", "x: &a {k: v}\ny: *a\n", "a: 2001-01-01\n" if False else "z: 12:30\n",
                                             "b: !!str 5\n", "base: &b {x: 1}\nd:\n  <<: *b\n  y: 2\n", "|\n  text\n", "plain text", "12", "a: 1e3\nb: 1.0e+3\n")),
]

for _ in range(count):
    expression, given = chance.choice(CASES)()
    print(json.dumps({"text": "[{{ %s }}]" % expression, "vars": {"v": given}}, ensure_ascii=False))
