"""Templates that would run for minutes, make gigabytes, or reach what they must not."""

from __future__ import annotations

FOREVER = "{% for a in range(99999) %}{% for b in range(99999) %}"
END2 = "{% endfor %}{% endfor %}"

BIG = "{% set s = 'a' * 1000000 %}"

PROCESSOR = {
    "nested loops without output": f"{FOREVER}{END2}",
    "nested loops with output": f"{FOREVER}x{END2}",
    "three loops over a text": "{% for a in t %}{% for b in t %}{% for c in t %}"
    "{% endfor %}{% endfor %}{% endfor %}",
    "a loop filter that is never true": "{% for a in range(99999) %}"
    "{% for b in range(99999) if b < 0 %}{% endfor %}{% endfor %}",
    "a recursive loop that branches": "{% for x in [[1]] recursive %}{{ loop([x]) }}{{ loop([x]) }}"
    "{% endfor %}",
    "a recursive loop without an end": "{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}",
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a macro that calls itself twice": "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "a tree of macro calls": "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}"
    "{% endmacro %}{{ m(40) }}",
    "two macros that call each other": "{% macro a() %}{{ b() }}{% endmacro %}"
    "{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
    "a call block that calls itself": "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}"
    "{% endmacro %}{% call m() %}x{% endcall %}",
    "a block that prints itself": "{% block b %}{{ self.b() }}{{ self.b() }}{% endblock %}",
    "a power tower of constants": "{{ 9**(9**9) }}",
    "a power in a loop": "{% set ns = namespace(x=3) %}{% for i in range(99) %}"
    "{% set ns.x = ns.x ** 7 %}{% endfor %}{{ ns.x }}",
    "squares of squares": "{% set ns = namespace(x=3) %}{% for i in range(64) %}"
    "{% set ns.x = ns.x * ns.x %}{% endfor %}{{ ns.x }}",
    "rounding to a billion digits": "{{ 1|round(-1000000000) }}",
    "rounding up to a billion digits": "{{ 1.5|round(1000000000, 'ceil') }}",
    "a huge hexadecimal number": "{{ 0x" + "f" * 250_000 + " }}",
    "a number of many digits": "{{ " + "1" * 250_000 + " }}",
    "a number of many groups": "{{ " + "1_" * 125_000 + "1 }}",
    "a number of many groups without an end": "{{ " + "1_" * 125_000 + " }}",
    "a text without an end": "{{ '" + "\\'" * 120_000 + " }}",
    "a comment without an end": "{# {" * 60_000,
    "a raw block without an end": "{% raw %}" + "{% end" * 40_000,
    "tags of nothing but blanks": ("{%" + " " * 1_000) * 250,
    "a huge binary number from a text": "{{ ('1' * 1000000)|int(base=2) }}",
    "a sum of lists": "{{ range(30000)|batch(1)|sum(start=[]) }}",
    "a sum of growing lists": "{{ ([[1] * 1000] * 100000)|sum(start=[]) }}",
    "sorting the same long list again and again": "{% for i in range(99999) %}"
    "{% set x = range(99999)|sort %}{% endfor %}",
    "comparing long lists again and again": "{% set a = range(30000)|list %}"
    "{% set b = range(30000)|list %}{% for i in range(99999) %}{% if a == b %}{% endif %}"
    "{% endfor %}",
    "searching backwards for a long text": "{{ ('a' * 3000000).rfind('b' + 'a' * 1000000) }}",
    "splitting backwards at a long text": "{{ ('a' * 3000000).rsplit('b' + 'a' * 1000000) }}",
    "stripping by a long set of letters": "{{ t.replace('a', 'ab' * 999).strip('가' * 900000) }}",
    "trimming by a long set of letters": "{{ ('나' * 900000 ~ 'x')|trim('가' * 900000 ~ '나') }}",
    "counting in a long list": "{% set a = range(99999)|list %}{% for i in range(99999) %}"
    "{{ a.count(-1) }}{% endfor %}",
    "a long chain of constant searches": "{% set a = range(99999)|list %}"
    + "{{ -1 in a }}" * 1_400,
    "slices of a long text": "{% set a = 'a' * 4000000 %}" + "{{ a[1:]|length }}" * 900,
    "groups of groups": "{% set r = [{'a': 1}] * 9999 %}{% for i in range(9999) %}"
    "{% set x = r|groupby('a') %}{% endfor %}",
    "a generator of generators": "{% for i in range(99999) %}"
    "{{ range(99999)|map('string')|select('eq', 'x')|list }}{% endfor %}",
    "an attribute path of many steps": "{{ range(99999)|map(attribute=('a.' * 9999) ~ 'a')|list }}",
    "a test of a test": "{{ range(99999)|select('in', range(99999)|list)|list|length }}",
    "a loop's length over and over": "{% for i in range(99999) %}{% for j in range(99999) %}"
    "{{ loop.length }}{{ loop.revindex }}{% endfor %}{% endfor %}",
    "changes of a long list": "{% set a = range(20000)|list %}{% for i in range(99999) %}"
    "{{ loop.changed(a + [i]) }}{% endfor %}",
    "a with in a loop in a macro": "{% macro m(n) %}{% for i in range(n) %}{% with x = i %}"
    "{{ m(n - 1) }}{% endwith %}{% endfor %}{% endmacro %}{{ m(60) }}",
    "missing names in a long loop": "{% for i in range(99999) %}{% for j in range(999) %}"
    "{{ missing }}{% endfor %}{% endfor %}",
}

MEMORY = {
    "a text times ten billion": "{{ 'a' * 10000000000 }}",
    "ten billion times a text": "{{ 10000000000 * 'a' }}",
    "a constant text times a constant": "{{ ('a' * 100000) * 100000 }}",
    "a list times a billion": "{{ [0] * 1000000000 }}",
    "a tuple times a billion": "{{ (0,) * 1000000000 }}",
    "doubling a text": "{% set ns = namespace(x='ab') %}{% for i in range(64) %}"
    "{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
    "doubling a text by plus": "{% set ns = namespace(x='ab') %}{% for i in range(64) %}"
    "{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "doubling a list": "{% set ns = namespace(x=[1]) %}{% for i in range(64) %}"
    "{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "a list that holds a list twice": "{% set ns = namespace(x=[1]) %}{% for i in range(64) %}"
    "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
    "a mapping that holds a mapping twice": "{% set ns = namespace(x={}) %}"
    "{% for i in range(64) %}{% set ns.x = {'a': ns.x, 'b': ns.x} %}{% endfor %}{{ ns.x|tojson }}",
    "a call that holds a mapping twice": "{% set ns = namespace(x={}) %}"
    "{% for i in range(64) %}{% set ns.x = dict(a=ns.x, b=ns.x) %}{% endfor %}{{ ns.x }}",
    "comparing lists that hold lists twice": "{% set ns = namespace(x=[1], y=[1]) %}"
    "{% for i in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}"
    "{% endfor %}{{ ns.x == ns.y }}",
    "very deep lists": "{% set ns = namespace(x=[1]) %}{% for i in range(99999) %}"
    "{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
    "a namespace in itself": "{% set ns = namespace() %}{% set ns.x = ns %}{{ [ns]|string }}",
    "padding": "{{ 'a'|center(10000000000) }}",
    "padding by a method": "{{ 'a'.center(10000000000) }}",
    "padding with zeros": "{{ 'a'.zfill(10000000000) }}",
    "padding from the left": "{{ 'a'.rjust(10000000000) }}",
    "tabs": "{{ ('\t' * 100000).expandtabs(100000) }}",
    "indenting": "{{ ('\n' * 100000)|indent(100000) }}",
    "indenting by a long text": "{{ ('\n' * 100000)|indent('a' * 100000) }}",
    "indenting JSON": "{{ ([[1] * 1000] * 100)|tojson(1000000) }}",
    "indenting deep JSON": "{{ ([[[[[[[[[[1]]]]]]]]]] * 99999)|tojson(16) }}",
    "batches": "{{ [1]|batch(1000000000, 0)|list }}",
    "slices by number": "{{ [1]|slice(1000000000)|list }}",
    "slices filled up": "{{ [1]|slice(100000, 'a' * 100000)|string }}",
    "replacing nothing": "{{ ('a' * 100000).replace('', 'b' * 100000) }}",
    "replacing by a filter": "{{ ('a' * 100000)|replace('a', 'b' * 100000) }}",
    "joining": "{{ range(100000)|join('b' * 100000) }}",
    "joining by a method": "{{ ('b' * 100000).join('a' * 100000) }}",
    "joining the same text": "{{ (['a' * 1000000] * 1000)|join }}",
    "printing the same text": BIG + "{% for i in range(1000) %}{{ s }}{% endfor %}",
    "a set block in a loop": "{% set x = 'a' * 1000000 %}{% for i in range(1000) %}"
    "{% set y %}{{ x }}{{ x }}{% endset %}{% endfor %}",
    "a filter block": "{% filter replace('a', 'b' * 100000) %}" + "a" * 100_000 + "{% endfilter %}",
    "a range of billions": "{{ range(10000000000)|list }}",
    "a range that steps back": "{{ range(10000000000, 0, -1)|list }}",
    "a list of the letters of a long text": "{{ ('가나' * 1000000)|list|length }}",
    "splitting into letters": "{{ ('a ' * 3000000).split()|length }}",
    "splitting into lines": "{{ ('a\n' * 3000000).splitlines()|length }}",
    "quoting control characters": "{{ ['\x01' * 6000000] }}",
    "quoting control characters as JSON": "{{ ('\x01' * 6000000)|tojson }}",
    "a long text in capitals": "{{ ('ΐ' * 7000000).upper() }}",
    "a long text as a title": "{{ ('ΐ ' * 3500000)|title }}",
    "many slices of one text": "{% set a = 'a' * 4000000 %}"
    + "".join(f"{{% set b{i} = a[{i}:] %}}" for i in range(600)),
    "lists in one list": "{% set a = range(90000)|list %}{% set b = [" + "a + [1], " * 900 + "] %}",
    "an update of a mapping": "{{ dict(range(99999)|map('string')|batch(2)) }}",
    "an argument list of many": "{% macro m() %}{{ varargs|length }}{% endmacro %}"
    "{% for i in range(99999) %}{{ m(*range(99999)) }}{% endfor %}",
    "an error that prints a long list": BIG + "{{ [1].index([s] * 1000) }}",
    "a missing key that is a long list": BIG + "{{ {}[[s] * 1000] }}",
    "a missing key that is a long tuple": BIG + "{{ {}[(s,) * 1000] }}",
    "a filter's name that is a long tuple": BIG + "{{ [1]|map((s,) * 1000)|list }}",
    "a test's name that is a long tuple": BIG + "{{ [1]|select((s,) * 1000)|list }}",
    "a long list of templates": BIG + "{% include [s] * 1000 %}",
    "a very long list of templates": "{% include [('a' * 99 ~ '/') * 40] * 90000 %}",
    "a path of attributes that is long": "{{ [1]|map(attribute='가나.' * 1500000)|list }}",
    "many local names in many includes": "".join(f"{{% set a{i} = 1 %}}" for i in range(300))
    + "{% include 'm.txt' %}" * 800,
    "a template of many parts": "{{ a }}" * 100_000,
    "a long template of tags": "{% if 1 %}x{% endif %}" * 40_000,
    "a template of many megabytes": "{{ 1 }}" + "x" * 3_000_000,
    "many additions": "{{ 1" + "+1" * 200_000 + " }}",
    "deep parentheses": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "very deep parentheses": "{{ " + "(" * 200_000 + "1" + ")" * 200_000 + " }}",
    "deep brackets": "{{ " + "[" * 50_000 + "]" * 50_000 + " }}",
    "deep conditions": "{% if 1 %}" * 5_000 + "{% endif %}" * 5_000,
    "deep loops": "{% for a in [1] %}" * 100 + "{% endfor %}" * 100,
    "deep negations": "{{ " + "not " * 50_000 + "1 }}",
    "deep minus signs": "{{ " + "-" * 50_000 + "1 }}",
    "a long chain of filters": "{{ 1" + "|abs" * 5_000 + " }}",
    "a long chain of attributes": "{{ a" + ".b" * 5_000 + " }}",
    "a chain of inline conditions": "{{ " + "1 if 0 else " * 5_000 + "1 }}",
}

ESCAPES = {
    "the class of a text": "{{ ''.__class__.__mro__ }}",
    "the class by an index": "{{ ''['__class__'] }}",
    "the class by a filter": "{{ ''|attr('__class__') }}",
    "the class by a map": "{{ ['']|map(attribute='__class__')|list }}",
    "the class by a joined name": "{{ ''['__cla' ~ 'ss__'] }}",
    "the class by a sort": "{{ ['', 'a']|sort(attribute='__class__') }}",
    "the class by a group": "{{ ['', 'a']|groupby('__class__') }}",
    "the class by a sum": "{{ ['', 'a']|sum('__class__') }}",
    "the class by unique": "{{ ['', 'a']|unique(attribute='__class__')|list }}",
    "the globals of a function": "{{ range.__globals__ }}",
    "the globals of a macro": "{% macro m() %}{% endmacro %}{{ m._func.__globals__ }}",
    "the environment of a macro": "{% macro m() %}{% endmacro %}{{ m._environment }}",
    "the environment": "{{ environment }}",
    "the context": "{{ context }}",
    "the context of a block": "{% block b %}{{ self._TemplateReference__context }}{% endblock %}",
    "the frame of a generator": "{{ ([1]|map('string')).gi_frame }}",
    "the internals of a namespace": "{% set n = namespace() %}{{ n._Namespace__attrs }}",
    "the internals of a loop": "{% for x in [1] %}{{ loop._iterator }}{% endfor %}",
    "the internals of something missing": "{{ missing._fail_with_undefined_error }}",
    "the format method": "{{ '{0.__class__}'.format(1) }}",
    "the format method, wide": "{{ '{:>9999999999}'.format(1) }}",
    "the format method of a mapping": "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "the format method through a map": "{{ ['{0.__class__}']|map('format', 1)|list }}",
    "the format filter": "{{ '%9999999999d'|format(1) }}",
    "formatting by percent": "{{ '%9999999999d' % 1 }}",
    "formatting by percent in a test": "{{ '%9999999999d' is even }}",
    "formatting by percent in another test": "{{ '%9999999999d' is divisibleby 3 }}",
    "a float with many places": "{{ '%.999999999f' % 1.0 }}",
    "encoding": "{{ 'a'.encode('unicode_escape') }}",
    "translating": "{{ 'a'.translate({97: 'b' * 1000}) }}",
    "bytes of a number": "{{ (1).to_bytes(1000000000, 'big') }}",
    "appending to a list": "{% set x = [] %}{{ x.append(1) }}",
    "updating a mapping": "{% set x = {} %}{{ x.update({'a': 1}) }}",
    "keys by a class method": "{{ dict.fromkeys('ab') }}",
    "a type as a function": "{{ ''.__class__('a') }}",
    "subscribing a function": "{{ dict[1] }}",
    "the text machine": "{{ lipsum(n=100000) }}",
    "the cycler": "{{ cycler('a', 'b').__init__.__globals__.os }}",
    "the joiner": "{{ joiner.__init__.__globals__ }}",
    "random choices": "{{ [1, 2]|random }}",
    "pretty printing": "{{ [1]|pprint }}",
    "making links": "{{ ('a.b ' * 1000000)|urlize }}",
    "wrapping words": "{{ ('a ' * 1000000)|wordwrap(1) }}",
    "escaping for HTML": "{% autoescape true %}{{ '<' }}{% endautoescape %}",
    "a module's body": "{% import 'm.txt' as m %}{{ m._body_stream }}",
    "a private name of a module": "{% from 'm.txt' import _body_stream %}",
    "printing a macro": "{% macro m() %}{% endmacro %}{{ m }}",
    "printing a method": "{{ 'a'.upper }}",
    "printing a function": "{{ [range] }}",
    "including an absolute path": "{% include '/etc/passwd' %}",
    "including a hidden file": "{% include '.env' %}",
    "including what lies outside": "{% include '../outside.txt' %}",
    "including through a link": "{% include 'link.txt' %}",
    "including the root's folder": "{% include '.' %}",
    "including something that is no text": "{% include 7 %}",
    "ignoring that it lies outside": "{% include '../outside.txt' ignore missing %}",
    "including by a very long name": "{% include 'a' * 100000 %}",
    "including by a name with a null": "{% include 'a\\0b' %}",
    "a file that includes itself": "{% include 'itself.txt' %}",
    "a file that includes itself twice": "{% include 'twice.txt' %}",
    "a file that extends itself": "{% extends 'extends.txt' %}",
    "two files that include each other": "{% include 'ping.txt' %}",
    "a file that imports itself": "{% import 'imports.txt' as x %}",
    "awaiting": "{% for x in await %}{% endfor %}{{ await foo() }}",
    "running code": "{% do 1 %}",
    "half of a character": "{{ '\\ud800' }}",
    "a file that is no text": "{% include 'binary.txt' %}",
}

FILES = {
    "m.txt": "{% macro hello() %}hello{% endmacro %}",
    ".env": "SECRET=1",
    "itself.txt": "{% include 'itself.txt' %}",
    "twice.txt": "{% include 'twice.txt' %}{% include 'twice.txt' %}",
    "extends.txt": "{% extends 'extends.txt' %}",
    "ping.txt": "{% include 'pong.txt' %}",
    "pong.txt": "{% include 'ping.txt' %}{% include 'ping.txt' %}",
    "imports.txt": "{% import 'imports.txt' as y %}",
}

ATTACKS = PROCESSOR | MEMORY | ESCAPES
