package dev.lowrank.evaluate.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class PythonRandomTest {
    private static List<Integer> numbers(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonNode::intValue)
                .toList();
    }

    @Test
    void drawsAsCpythonDoes() {
        var draws = GoldenTasks.read("random.json");
        assertThat(draws.size()).isEqualTo(50);
        for (var draw : draws) {
            var random = new PythonRandom(draw.get("seed").intValue());
            var population = draw.get("population").intValue();
            var count = draw.get("count").intValue();
            assertThat(random.sample(population, count)).isEqualTo(numbers(draw.get("first")));
            assertThat(random.sample(population, count)).isEqualTo(numbers(draw.get("second")));
            assertThat(random.real()).isEqualTo(draw.get("real").doubleValue());
        }
    }

    @Test
    void moreThanThereAreCannotBeDrawn() {
        assertThatIllegalArgumentException().isThrownBy(() -> new PythonRandom(1).sample(3, 4));
    }
}
