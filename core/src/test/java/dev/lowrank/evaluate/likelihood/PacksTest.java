package dev.lowrank.evaluate.likelihood;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PacksTest {
    private static int[] joined(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }

    private static int tokens(List<Packs.Group> groups) {
        return groups.stream()
                .mapToInt(group -> group.stem().length
                        + group.packs().stream()
                                .mapToInt(pack -> pack.forest().size())
                                .sum())
                .sum();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6})
    void everyRequestIsAskedOnce(int seed) {
        var random = new Random(seed);
        var requests = new ArrayList<EncodedRequest>();
        for (var family = 0; family < 6; family++) {
            var stem = random.ints(random.nextInt(150), 0, 50).toArray();
            for (var i = 0; i < 20; i++) {
                var rest = random.ints(1 + random.nextInt(40), 0, 50).toArray();
                var targets =
                        random.ints(1 + random.nextInt(rest.length), 0, 50).toArray();
                requests.add(new EncodedRequest(joined(stem, rest), targets, 0));
            }
        }
        requests.add(requests.getFirst());
        var seen = new HashSet<Integer>();
        for (var group : Packs.of(requests)) {
            for (var pack : group.packs()) {
                for (var member : pack.members()) {
                    assertThat(seen.add(member.request())).isTrue();
                    var request = requests.get(member.request());
                    assertThat(member.rows()).hasSameSizeAs(request.targets());
                    assertThat(member.rows()[member.rows().length - 1])
                            .isLessThan(pack.forest().size());
                    assertThat(request.firstRow()).isGreaterThanOrEqualTo(group.stem().length);
                    assertThat(Arrays.copyOf(request.input(), group.stem().length))
                            .isEqualTo(group.stem());
                }
            }
        }
        assertThat(seen).hasSize(requests.size());
    }

    @Test
    void choicesShareTheirQuestion() {
        var question = IntStream.range(0, 30).toArray();
        var requests = IntStream.range(0, 4)
                .mapToObj(i -> new EncodedRequest(joined(question, new int[] {100 + i, 7}), new int[] {1, 2, 3}, 0))
                .toList();
        assertThat(tokens(Packs.of(requests))).isEqualTo(30 + 4 * 2);
    }

    @Test
    void aLongTextIsReadInPieces() {
        var text = IntStream.range(0, 5000).toArray();
        var groups = Packs.of(List.of(new EncodedRequest(text, new int[] {1, 2, 3}, 0)));
        assertThat(groups).hasSize(1);
        assertThat(groups.getFirst().stem()).hasSize(4997);
        assertThat(groups.getFirst().packs().getFirst().forest().size()).isEqualTo(3);
    }

    @Test
    void aLongPromptIsReadOnce() {
        var prompt = IntStream.range(0, 300).toArray();
        var requests = IntStream.range(0, 50)
                .mapToObj(i -> new EncodedRequest(
                        joined(
                                prompt,
                                IntStream.range(1000 * (i + 1), 1000 * (i + 1) + 20)
                                        .toArray()),
                        new int[] {1},
                        0))
                .toList();
        assertThat(tokens(Packs.of(requests))).isEqualTo(300 + 50 * 20);
    }
}
