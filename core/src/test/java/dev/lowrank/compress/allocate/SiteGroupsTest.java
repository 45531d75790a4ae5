package dev.lowrank.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SiteGroupsTest {
    @Test
    void everySiteIsInOneGroupOfItsRoleAndDepth() {
        var evidence = Samples.evidence(5, 1);
        var groups = SiteGroups.byRoleAndDepth(evidence, 2);
        assertThat(groups).hasSize(14);
        assertThat(groups.stream().flatMap(List::stream).sorted())
                .containsExactlyElementsOf(IntStream.range(0, 35).boxed().toList());
        for (var group : groups) {
            var first = evidence.get(group.getFirst()).site();
            for (var site : group) {
                var other = evidence.get(site).site();
                assertThat(other.role()).isEqualTo(first.role());
                assertThat(other.layer() < 3).isEqualTo(first.layer() < 3);
            }
        }
    }

    @Test
    void fewerLayersThanGroupsLeaveNoEmptyGroup() {
        assertThat(SiteGroups.byRoleAndDepth(Samples.evidence(2, 1), 4))
                .hasSize(14)
                .noneMatch(List::isEmpty);
    }
}
