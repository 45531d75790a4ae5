package dev.lowrank.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostileTemplatesTest {
    private static final LocalDateTime NOW = LocalDateTime.of(2026, 1, 2, 13, 4, 5);
    private static final Map<String, ?> VARIABLES =
            Map.of("messages", List.of(Map.of("role", "user", "content", "Hi")), "s", "text");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for i in range(10**9) %}x{% endfor %}",
                "{{ range(10**9) | list | length }}",
                "{{ range(0, 0 - 10**12, -1) | list }}",
                "{{ 'a' * 10**9 }}",
                "{{ 10**9 * 'a' }}",
                "{{ [0] * 10**9 }}",
                "{{ 'a' * 9223372036854775807 }}",
                "{{ 10**10**10 }}",
                "{{ 9223372036854775807 + 1 }}",
                "{{ 99999999999999999999 }}",
                "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
                "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
                "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{% endfor %}{% endfor %}{% endfor %}",
                "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
                "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
                "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
                "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
                "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
                "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}",
                "{% set a = 'a' * 4000000 %}{% for i in range(1000) %}{{ a | upper | length }}{% endfor %}",
                "{% set a = 'a' * 4000 %}{{ a.replace('a', a) }}",
                "{% set a = 'a' * 4000 %}{{ a | list | join(a) }}",
                "{{ 'x\n' | indent(10**9) }}",
                "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
                "{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}"
            })
    void whatAsksForTooMuchEndsQuickly(String source) {
        var start = System.nanoTime();
        assertThatThrownBy(() -> Template.parse(source).render(VARIABLES, NOW))
                .isInstanceOfSatisfying(
                        TemplateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.BUDGET));
        assertThat((System.nanoTime() - start) / 1e9).isLessThan(5);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ messages.getClass() }}",
                "{{ s.getClass().forName('java.lang.Runtime') }}",
                "{{ ''.__class__ }}",
                "{{ ''.__class__.__mro__[1].__subclasses__() }}",
                "{{ ''['__class__'] }}",
                "{{ messages[0].__init__ }}",
                "{{ s | map(attribute='__class__') | list }}",
                "{{ __import__('os') }}",
                "{{ cycler() }}",
                "{{ messages.append(1) }}",
                "{{ messages[0].update({}) }}",
                "{{ '{0.__class__}'.format(s) }}",
                "{% include 'etc/passwd' %}",
                "{% import 'x' as y %}",
                "{% from 'x' import y %}",
                "{% extends 'x' %}",
                "{% do s.x() %}"
            })
    void whatReachesOutIsForbidden(String source) {
        assertThatThrownBy(() -> Template.parse(source).render(VARIABLES, NOW))
                .isInstanceOfSatisfying(
                        TemplateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FORBIDDEN));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ 1 + }}", "{{ 'open }}", "{% if x %}", "{% endif %}", "{% for in x %}{% endfor %}", "{{ x",
                        "{# open",
                "{% break %}", "{% unknown %}", "{{ x | nofilter }}", "{{ x is notest }}", "{% raw %}", "{{ ) }}",
                        "{% if %}{% endif %}",
                "{% for x in y %}{% endif %}", "{{ a b }}", "{{ {1} }}", "{% set %}", "{% else %}", "{{ ! }}"
            })
    void brokenSourceIsASyntaxFault(String source) {
        assertThatThrownBy(() -> Template.parse(source).render(VARIABLES, NOW))
                .isInstanceOfSatisfying(
                        TemplateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.SYNTAX));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ 1 / 0 }}",
                "{{ 1 // 0 }}",
                "{{ 1 % 0.0 }}",
                "{{ 1 in 2 }}",
                "{{ [] < 1 }}",
                "{% set a, b = [1] %}"
            })
    void whatHasNoMeaningIsAValueFault(String source) {
        assertThatThrownBy(() -> Template.parse(source).render(VARIABLES, NOW))
                .isInstanceOfSatisfying(
                        TemplateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.VALUE));
    }

    @Test
    void deepNestingInTheSourceIsRefused() {
        for (var source : List.of(
                "{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}",
                "{{ " + "[".repeat(100_000) + " }}",
                "{{ " + "not ".repeat(100_000) + "1 }}",
                "{{ " + "-".repeat(100_000) + "1 }}",
                "{{ 1" + " + 1".repeat(100_000) + " }}",
                "{{ s" + ".x".repeat(100_000) + " }}",
                "{{ s" + "|upper".repeat(100_000) + " }}",
                "{{ 1" + " if 1 else 1".repeat(50_000) + " }}",
                "{% if s %}".repeat(50_000),
                "x".repeat(2_000_000))) {
            assertThatThrownBy(() -> Template.parse(source).render(VARIABLES, NOW))
                    .isInstanceOfSatisfying(
                            TemplateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.BUDGET));
        }
    }

    @Test
    void theTimeIsTheOneGiven() {
        assertThat(Template.parse("{{ strftime_now('%d %b %Y, %A %-d %B %H:%M:%S %I %p %y %j %%') }}")
                        .render(VARIABLES, NOW))
                .isEqualTo("02 Jan 2026, Friday 2 January 13:04:05 01 PM 26 002 %");
    }

    @Test
    void onlyPlainValuesEnter() {
        assertThatThrownBy(() -> Template.parse("{{ o }}").render(Map.of("o", new Object()), NOW))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("java.lang.Object");
    }

    @Test
    void aFaultNamesItsLine() {
        assertThatThrownBy(() -> Template.parse("a\nb\n{% if x %}\n{{ 1 + }}{% endif %}"))
                .hasMessageContaining("line 4");
    }
}
