package dev.lowrank.recover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.recover.MemoryPlan.Work;
import dev.lowrank.testing.SyntheticLlama;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryPlanTest {
    private static final int HIDDEN = 32;
    private static final int BLOCKS = 3;
    private static final List<Goal> ALL = List.of(Goal.BLOCK_OUTPUTS, Goal.TEXT, Goal.PREDICTIONS);

    @TempDir
    private Path folder;

    private LanguageModel model;

    @BeforeEach
    void open() throws IOException {
        SyntheticLlama.write(folder, new SyntheticLlama.Size(HIDDEN, BLOCKS, 4, 2, 48, 96), 1);
        model = LanguageModel.open(folder);
    }

    @AfterEach
    void close() {
        model.close();
    }

    private long bytes(Work work) {
        return MemoryPlan.of(model, null, List.of(Goal.TEXT), work, 0).bytes();
    }

    @Test
    void everyTrainedNumberTakesItsStateAndASumForEachThread() {
        for (var shares = 1; shares <= 4; shares++) {
            assertThat(bytes(new Work(1000, 16, shares, 16, 1, 1)) - bytes(new Work(0, 16, shares, 16, 1, 1)))
                    .isEqualTo(4000L * (4 + shares));
        }
    }

    @Test
    void whatComesAfterTrainingCountsWhereItNeedsMore() {
        var judged = 1 << 20;
        var one = bytes(new Work(1000, 16, 1, judged, 1, 1));
        assertThat(one).isGreaterThan(bytes(new Work(1000, 16, 1, 16, 1, 1)));
        // A look while training holds a stream of every block, as many as these windows' own.
        assertThat(bytes(new Work(1000, 16, 1, judged, BLOCKS, 1))).isEqualTo(one);
        var sixteen = bytes(new Work(1000, 16, 1, judged, 16, 1));
        assertThat(sixteen - bytes(new Work(1000, 16, 1, judged, 15, 1))).isEqualTo(4L * judged * HIDDEN);
        assertThat(bytes(new Work(1000, 16, 1, judged, 17, 1))).isEqualTo(sixteen);
        // What is trained is gone by then.
        assertThat(bytes(new Work(2000, 16, 1, judged, 16, 1))).isEqualTo(sixteen);
    }

    @Test
    void aTeacherTakesWhatIsLearntFromIt() {
        var work = new Work(1000, 16, 2, 16, 3, 2);
        var alone = bytes(work);
        var block = 4L * (2 * HIDDEN * HIDDEN + 2 * HIDDEN * HIDDEN / 2 + 3 * HIDDEN * 48);
        assertThat(MemoryPlan.of(model, model, List.of(Goal.TEXT), work, 0).bytes())
                .isEqualTo(alone);
        assertThat(MemoryPlan.of(model, model, List.of(Goal.BLOCK_OUTPUTS), work, 0)
                        .bytes())
                .isEqualTo(alone + block);
        var resident = MemoryPlan.of(model, model, ALL, work, 0);
        assertThat(resident.teacher()).isEqualTo(Residency.RESIDENT);
        assertThat(resident.segment()).isEqualTo(BLOCKS);
        assertThat(resident.bytes()).isEqualTo(alone + 4 * model.weights().parameters());
        var bound = resident.bytes() - 1;
        var plan = resident;
        while (plan.teacher() == Residency.RESIDENT) {
            plan = MemoryPlan.of(model, model, ALL, work, bound);
            assertThat(plan.bytes()).isLessThanOrEqualTo(bound);
            bound = plan.bytes() - 1;
        }
        var once = MemoryPlan.of(model, null, List.of(Goal.TEXT), work, alone - (plan.segment() == 1 ? 1 : 0));
        assertThat(plan.bytes()).isEqualTo(once.bytes() + block + 4 * 96 * HIDDEN);
    }

    @Test
    void tooLittleIsRefusedWithWhatWouldHelp() {
        assertThatThrownBy(() -> MemoryPlan.of(model, null, List.of(), new Work(1000, 16, 2, 16, 1, 1), 1))
                .isInstanceOf(NotEnoughMemoryException.class)
                .hasMessageContaining("windows of 16 tokens on 2 threads")
                .hasMessageContaining("--window")
                .hasMessageContaining("--batch 1");
        assertThatThrownBy(() -> MemoryPlan.of(model, null, List.of(), new Work(1000, 16, 1, 16, 1, 1), 1))
                .isInstanceOf(NotEnoughMemoryException.class)
                .hasMessageContaining("--window")
                .message()
                .doesNotContain("--batch");
    }
}
