package dev.lowrank.model.output;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.checkpoint.SafetensorsWriter;
import dev.lowrank.compress.Compression;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.quantize.Outliers;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.Role;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.model.TorchEncoder;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.GoldenEncoder;
import dev.lowrank.testing.GoldenModel;
import dev.lowrank.testing.PythonPeer;
import dev.lowrank.testing.SyntheticLlama;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Python `transformers` opens what we write and computes the same; needs a Python with torch, transformers
/// and safetensors, see [PythonPeer].
@Tag("python")
class TransformersTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final double KEEP = 0.6;

    @TempDir
    Path folder;

    @Test
    void foldersOfEveryArchitectureAndFormLoadWithTheSameLogits() throws Exception {
        var python = PythonPeer.with(folder, "torch", "transformers", "safetensors");
        var pairs = new ArrayList<String>();
        for (var golden : GoldenModel.ofEachArchitecture().toList()) {
            try (var source = LanguageModel.open(golden.folder())) {
                for (var form : CompressedForm.values()) {
                    var output = folder.resolve(golden + "-" + form);
                    form.write(source, KEEP, output);
                    pairs.add(output.toString());
                    pairs.add(expected(output, golden).toString());
                    if (form == CompressedForm.PIVOTED) {
                        var merged = folder.resolve(golden + "-MERGED");
                        try (var model = LanguageModel.open(output)) {
                            MergedExport.write(model, merged, Progress.silent());
                        }
                        pairs.add(merged.toString());
                        pairs.add(expected(output, golden).toString());
                    }
                }
            }
        }
        for (var method : List.of("modegpt", "basis-sharing", "shortgpt", "slicegpt")) {
            for (var golden : GoldenModel.ofEachArchitecture().toList()) {
                try (var source = LanguageModel.open(golden.folder())) {
                    if (List.of("modegpt", "slicegpt").contains(method)
                            && source.spec()
                                    .blocks()
                                    .getFirst()
                                    .site(Role.Q_PROJ)
                                    .isEmpty()) {
                        continue;
                    }
                    var plain = List.of("shortgpt", "slicegpt").contains(method) ? "-DENSE" : "-WHOLE";
                    var output = folder.resolve(golden + "-" + method + plain);
                    CompressedForm.write(source, method, 0.5, output);
                    pairs.add(output.toString());
                    pairs.add(expected(output, golden).toString());
                }
            }
        }
        assertEqual(pairs, check(python, pairs, "AutoModelForCausalLM"));
    }

    @Test
    void encodersOfEveryFormLoadWithTheSameOutputs() throws Exception {
        var python = PythonPeer.with(folder, "torch", "transformers", "safetensors");
        for (var golden : GoldenEncoder.all().toList()) {
            var pairs = new ArrayList<String>();
            var auto = "";
            try (var source = LanguageModel.open(golden.folder())) {
                auto = source.spec().transformersClass();
                for (var form : CompressedForm.values()) {
                    var output = folder.resolve(golden + "-" + form);
                    form.write(source, KEEP, output);
                    pairs.add(output.toString());
                    pairs.add(expected(output, golden).toString());
                    if (form == CompressedForm.PIVOTED) {
                        var merged = folder.resolve(golden + "-MERGED");
                        try (var model = LanguageModel.open(output)) {
                            MergedExport.write(model, merged, Progress.silent());
                        }
                        pairs.add(merged.toString());
                        pairs.add(expected(output, golden).toString());
                    }
                }
            }
            assertEqual(pairs, check(python, pairs, auto));
        }
    }

    @Test
    void quantisedFoldersLoadWithTheSameLogits() throws Exception {
        var python = PythonPeer.with(folder, "torch", "transformers", "safetensors");
        var size = new SyntheticLlama.Size(256, 2, 4, 2, 512, 96);
        SyntheticLlama.write(folder.resolve("source"), size, 1);
        var pairs = new ArrayList<String>();
        var golden = GoldenModel.ofEachArchitecture().toList();
        var sources = new ArrayList<>(List.of(folder.resolve("source")));
        golden.stream().map(GoldenModel::folder).forEach(sources::add);
        for (var type : Quantization.types()) {
            for (var keep : List.of(0.8, 1.0)) {
                for (var path : type == DType.Q8_0 && keep == 1 ? sources : sources.subList(0, 1)) {
                    var output = folder.resolve(path.getFileName() + "-" + type + "-" + keep);
                    write(path, keep, new Quantization(type, false), null, output);
                    pairs.add(output.toString());
                    pairs.add(expected(output, golden.getFirst()).toString());
                }
            }
        }
        assertEqual(pairs, check(python, pairs, "AutoModelForCausalLM"));
    }

    @Test
    void foldersWithOutliersLoadWithTheSameLogits() throws Exception {
        var python = PythonPeer.with(folder, "torch", "transformers", "safetensors");
        var size = new SyntheticLlama.Size(256, 2, 4, 2, 512, 96);
        SyntheticLlama.write(folder.resolve("source"), size, 1);
        var pairs = new ArrayList<String>();
        var golden = GoldenModel.ofEachArchitecture().toList();
        var sources = new ArrayList<>(List.of(folder.resolve("source")));
        golden.stream().map(GoldenModel::folder).forEach(sources::add);
        for (var path : sources) {
            for (var blocks : new Quantization[] {null, new Quantization(DType.Q4_0, false)}) {
                // Only the first is wide enough for ranks that are whole blocks.
                var cut = path.equals(sources.getFirst());
                for (var keep : blocks == null ? List.of(0.6) : cut ? List.of(0.6, 1.0) : List.of(1.0)) {
                    var output = folder.resolve(path.getFileName() + "-" + blocks + "-" + keep);
                    write(path, keep, blocks, new Outliers(0.02), output);
                    pairs.add(output.toString());
                    pairs.add(expected(output, golden.getFirst()).toString());
                }
            }
        }
        assertEqual(pairs, check(python, pairs, "AutoModelForCausalLM"));
    }

    private static void write(
            Path from, double keep, @Nullable Quantization blocks, @Nullable Outliers outliers, Path output) {
        try (var source = LanguageModel.open(from)) {
            var budget = new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(keep));
            var recipe = CompressionRecipe.best(budget, 0)
                    .quantized(blocks, blocks == null ? 1 : blocks.rankMultiple())
                    .with(outliers);
            Compression.run(
                    source,
                    new Compression.Job(recipe, output),
                    CompressedForm.calibration(source, 16, 16),
                    Compression.Unfinished.RESUME,
                    Progress.silent());
        }
    }

    private static void assertEqual(List<String> pairs, List<JsonNode> reports) {
        assertThat(reports).hasSize(pairs.size() / 2);
        var worst = 0.0;
        for (var i = 0; i < reports.size(); i++) {
            var report = reports.get(i);
            var name = Path.of(pairs.get(2 * i)).getFileName().toString();
            assertThat(report.path("ok").asBoolean(false)).as(report.toString()).isTrue();
            assertThat(report.path("folder").asString()).isEqualTo(pairs.get(2 * i));
            var ours = !name.endsWith("-DENSE") && !name.endsWith("-MERGED");
            assertThat(report.path("class").asString().startsWith("Lowrank"))
                    .as(name)
                    .isEqualTo(ours);
            worst = Math.max(worst, report.path("max_abs_difference").asDouble());
        }
        System.out.printf(
                "%d folders, largest difference %.2g, transformers %s%n",
                reports.size(), worst, reports.getFirst().path("transformers").asString());
    }

    /// Writes the fixture's tokens and what the batch engine computes from them.
    private Path expected(Path model, GoldenModel golden) {
        return expected(model, golden.windows(), opened -> {
            try (var decoder = TorchDecoder.load(opened, Residency.STREAMED)) {
                return decoder.logits(golden.windows());
            }
        });
    }

    private Path expected(Path model, GoldenEncoder golden) {
        return expected(model, golden.texts(), opened -> {
            try (var encoder = TorchEncoder.load(opened)) {
                var hidden = encoder.hidden(golden.texts());
                return encoder.scoresTokens()
                        ? encoder.tokens(hidden)
                        : encoder.labelNames().isEmpty() ? hidden : encoder.labels(hidden);
            }
        });
    }

    private Path expected(Path model, List<int[]> windows, Function<LanguageModel, Tensor> run) {
        var ids = windows.stream()
                .flatMapToLong(window -> java.util.Arrays.stream(window).asLongStream())
                .toArray();
        var file = folder.resolve(model.getFileName() + "-expected.safetensors");
        TensorScope.tidyRun(() -> {
            try (var opened = LanguageModel.open(model)) {
                var logits = run.apply(opened);
                var tokens = new HostTensor(
                        DType.I64, Shape.of(windows.size(), windows.getFirst().length), MemorySegment.ofArray(ids));
                var values =
                        HostTensor.ofFloats(logits.toFloats(), logits.shape().toArray());
                try (var writer = SafetensorsWriter.create(
                        file,
                        List.of(
                                new SafetensorsWriter.Entry("input_ids", tokens.dtype(), tokens.shape()),
                                new SafetensorsWriter.Entry("logits", values.dtype(), values.shape())))) {
                    writer.write("input_ids", tokens);
                    writer.write("logits", values);
                    writer.finish();
                }
            }
        });
        return file;
    }

    /// Runs the script on all pairs in one process.
    ///
    /// @return its reports, one for each pair
    private List<JsonNode> check(PythonPeer python, List<String> pairs, String auto) throws Exception {
        var arguments = new ArrayList<>(List.of(PythonPeer.script("check_transformers_load.py")));
        arguments.addAll(pairs);
        arguments.addAll(List.of("--auto", auto));
        var done = python.run(arguments.toArray(String[]::new));
        assertThat(done.code()).as(done.errors() + done.output()).isZero();
        return done.output()
                .lines()
                .filter(line -> line.startsWith("{"))
                .<JsonNode>map(JSON::readTree)
                .toList();
    }
}
