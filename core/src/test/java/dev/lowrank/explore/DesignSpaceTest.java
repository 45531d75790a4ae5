package dev.lowrank.explore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DesignSpaceTest {
    private static final List<Role> SEVEN =
            List.of(Role.Q_PROJ, Role.K_PROJ, Role.V_PROJ, Role.O_PROJ, Role.GATE_PROJ, Role.UP_PROJ, Role.DOWN_PROJ);

    private static DesignSpace space(int layers, List<Role> roles, int width) {
        var sites = new ArrayList<LinearSite>();
        for (var layer = 0; layer < layers; layer++) {
            for (var role : roles) {
                sites.add(new LinearSite(
                        layer, role, layer + "." + role.id(), width, width, false, LinearSite.Layout.OUT_IN));
            }
        }
        return DesignSpace.of(sites, width / 2);
    }

    @Test
    void llama2Of7BillionHasTheSizeThatTheCharacterisationCounts() {
        var space = space(32, SEVEN, 4096);
        assertThat(space.exponent()).isEqualTo(39);
        assertThat(space.atOneRank()).isEqualTo(new BigInteger("549755813888"));
        assertThat(space.size()).isEqualTo(new BigInteger("549755813888").multiply(BigInteger.valueOf(2048)));
        assertThat(space.modelsAtOneRank())
                .isEqualTo(new BigInteger("4294967295")
                        .multiply(BigInteger.valueOf(127))
                        .add(BigInteger.ONE));
    }

    @Test
    void theNumberOfModelsIsWhatCountingThemGives() {
        var space = space(3, SEVEN.subList(0, 3), 8);
        var models = new HashSet<Configuration>();
        for (var layers = 0; layers < 8; layers++) {
            for (var tensors = 0; tensors < 8; tensors++) {
                var someLayers = new HashSet<Integer>();
                var someTensors = EnumSet.noneOf(Role.class);
                for (var i = 0; i < 3; i++) {
                    if ((layers >> i & 1) == 1) {
                        someLayers.add(i);
                    }
                    if ((tensors >> i & 1) == 1) {
                        someTensors.add(SEVEN.get(i));
                    }
                }
                models.add(space.choose(someLayers, someTensors, 1));
            }
        }
        assertThat(BigInteger.valueOf(models.size())).isEqualTo(space.modelsAtOneRank());
    }

    @Test
    void oneModelHasOneHashWhateverTheOrder() {
        var one = Configuration.of(java.util.Map.of("b", 2, "a", 1));
        assertThat(one.text()).isEqualTo("a=1;b=2");
        assertThat(one.hash()).isEqualTo(new Configuration(new java.util.TreeMap<>(one.ranks())).hash());
        assertThat(one.hash())
                .isNotEqualTo(Configuration.of(java.util.Map.of("a", 2, "b", 1)).hash());
    }

    @Test
    void sweepsVaryOneThing() {
        var space = space(6, SEVEN, 8);
        assertThat(new Sweep.Layer(1).points(space))
                .hasSize(6)
                .allMatch(point -> point.configuration().ranks().size() == 7);
        assertThat(new Sweep.Tensor(2).points(space))
                .hasSize(7)
                .allMatch(point -> point.configuration().ranks().size() == 6)
                .allMatch(point -> point.configuration().commonRank().orElseThrow() == 2);
        assertThat(Sweep.Rank.doubling(space).points(space))
                .extracting(Sweep.Point::at)
                .containsExactly("1", "2", "4");
        assertThat(new Sweep.Distance(1, 2).points(space))
                .extracting(Sweep.Point::at)
                .containsExactly("1", "2", "3", "4", "5");
        assertThat(new Sweep.Distance(1, 3).points(space))
                .extracting(point -> Set.copyOf(point.configuration().cut(space.sites()).stream()
                        .map(LinearSite::layer)
                        .toList()))
                .containsExactly(Set.of(1, 2, 3), Set.of(0, 2, 4));
        assertThatThrownBy(() -> new Sweep.Distance(1, 7).points(space)).hasMessageContaining("6 layers");
    }
}
