package dev.lowrank.compress;

import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.model.TorchEncoder;
import dev.lowrank.model.output.ModelFolder;
import dev.lowrank.model.output.OutputTensor;
import dev.lowrank.model.output.Shards;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Turns the parts of a run into a finished folder: shards, configuration, tokenizer, card, the check, the
/// manifest.
final class Finish {
    /// Largest relative difference between the reopened model and the one in memory.
    private static final double CHECK_TOLERANCE = 1e-4;

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final LanguageModel source;

    Finish(LanguageModel source) {
        this.source = source;
    }

    /// @param calibration the clock of the calibration that the job shares with others
    CompressionReport finish(JobState job, Stopwatch calibration) {
        job.time.writing(() -> assemble(job));
        var sizes = new long[2];
        job.time.writing(() -> check(job, sizes));
        var output = job.job.output();
        var reports = job.reports();
        var keptTarget = job.plan.targetParametersBefore() == 0
                ? 1.0
                : reports.stream().mapToLong(SiteReport::parameters).sum() / (double) job.plan.targetParametersBefore();
        var draft = new CompressionReport(
                output,
                job.recipe().name(),
                job.recipe().storageId(),
                job.recipe().spender(),
                keptTarget,
                (double) sizes[0] / job.plan.parametersBefore(),
                job.plan.parametersBefore(),
                sizes[0],
                job.plan.sourceBytes(),
                sizes[1],
                seconds(job, calibration),
                job.plan.targets().isEmpty() ? List.of() : job.notes(),
                job.validated(),
                job.plan.shares(),
                reports,
                Warnings.of(source, job, reports, sizes[1]));
        job.time.writing(() -> commit(job, draft));
        return draft.withSeconds(seconds(job, calibration));
    }

    private CompressionReport.Seconds seconds(JobState job, Stopwatch calibration) {
        return job.time.seconds(job.recipe().needsCalibration() ? calibration : null);
    }

    /// A tensor of the source, to be written in an element type.
    static OutputTensor fromSource(LanguageModel source, String name, DType dtype) {
        var shape = source.checkpoint().info(name).shape();
        return new OutputTensor(name, dtype, shape, () -> source.checkpoint().read(name));
    }

    /// Puts the parts together, with configuration and tokenizer: a folder that can be opened.
    void assemble(JobState job) {
        removeShards(job);
        var parts = new ArrayList<SafetensorsFile>();
        try {
            var tensors = new ArrayList<>(outside(job, parts));
            for (var block = 0; block < job.blueprint().spec().blocks().size(); block++) {
                addAll(SafetensorsFile.open(job.state.part(block)), parts, tensors);
            }
            Shards.write(job.folder, tensors, Shards.MOST_BYTES);
        } finally {
            parts.forEach(SafetensorsFile::close);
        }
        var written = job.blueprint().spec().sites().toList();
        ModelFolder.writeCompressed(
                source,
                job.folder,
                job.blueprint().config(),
                RunState.stored(written, job.entries),
                CompressionPlan.embeddingType(source, job.recipe()));
    }

    private static void addAll(SafetensorsFile part, List<SafetensorsFile> parts, List<OutputTensor> tensors) {
        parts.add(part);
        for (var name : part.names()) {
            tensors.add(OutputTensor.of(name, part.tensor(name)));
        }
    }

    /// What is written outside the linears: the source's own tensors, or what stands in their place.
    private List<OutputTensor> outside(JobState job, List<SafetensorsFile> parts) {
        var tensors = new ArrayList<OutputTensor>();
        var replaced = job.replaced();
        if (replaced != null) {
            addAll(SafetensorsFile.open(replaced), parts, tensors);
            return tensors;
        }
        var head = CompressionPlan.embeddingType(source, job.recipe());
        var tables = source.weights().tables();
        var sites = new HashSet<String>();
        var gone = Blueprint.same(source).norms(source.spec()).keySet(); // unless a block that stays has it
        source.spec().sites().forEach(site -> source.weights().tensorNames(site).forEach(sites::add));
        var renamed = job.blueprint().norms(source.spec());
        for (var name : source.weights().names()) {
            if (sites.contains(name) || gone.contains(base(name)) && !renamed.containsKey(base(name))) {
                continue;
            }
            var own = source.checkpoint().info(name).dtype();
            var written = renamed.getOrDefault(base(name), base(name))
                    + name.substring(base(name).length());
            tensors.add(
                    fromSource(source, name, tables.contains(name) ? head : own).named(written));
        }
        return tensors;
    }

    /// Shards of a model that was put together before may be more than those of this one.
    private static void removeShards(JobState job) {
        try (var entries = Files.list(job.folder.folder())) {
            for (var file : entries.toList()) {
                if (String.valueOf(file.getFileName()).startsWith("model") && Files.isRegularFile(file)) {
                    Files.delete(file);
                }
            }
        } catch (IOException failure) {
            throw WorkFiles.failed(job.folder.folder(), failure);
        }
    }

    /// A tensor's name without `.weight` or `.bias`.
    private static String base(String tensor) {
        return tensor.substring(0, tensor.lastIndexOf('.'));
    }

    /// Reopens what was written and compares it with what was in memory.
    ///
    /// @param sizes receives parameters and bytes of the output
    private void check(JobState job, long[] sizes) {
        try (var reopened = LanguageModel.of(job.folder.reopen())) {
            sizes[0] = reopened.weights().parameters();
            sizes[1] = reopened.checkpoint().weightBytes();
            var difference = TensorScope.tidy(() -> {
                var expected = job.probe.read(job.blueprint().spec().blocks().size(), 0, 1);
                var found = hidden(reopened, job.probeTokens);
                return found.sub(expected).abs().max().item()
                        / expected.abs().max().item();
            });
            if (!(difference <= CHECK_TOLERANCE)) {
                throw new IllegalStateException("The folder written for " + job.job.output()
                        + " does not compute what was in memory: relative difference " + difference + ", allowed "
                        + CHECK_TOLERANCE + ". This is a fault of the program; the unfinished folder is "
                        + job.folder.folder());
            }
        }
    }

    /// The residual stream after the last block, in the innermost scope.
    private static Tensor hidden(LanguageModel model, int[] tokens) {
        if (model.spec().encoder().isPresent()) {
            try (var encoder = TorchEncoder.load(model)) {
                return encoder.hidden(List.of(tokens));
            }
        }
        try (var decoder = TorchDecoder.load(model, Residency.STREAMED)) {
            return decoder.hidden(List.of(tokens));
        }
    }

    private void commit(JobState job, CompressionReport report) {
        job.folder.write("README.md", ModelCard.text(source, job, report).getBytes(StandardCharsets.UTF_8));
        var run = JSON.createObjectNode();
        run.set("fingerprint", job.fingerprint);
        run.put("source", String.valueOf(source.checkpoint().path().getFileName()));
        run.put("allocator", report.allocator());
        run.put("kept_target", report.keptTarget());
        run.put("kept_model", report.keptModel());
        run.put("parameters_before", report.parametersBefore());
        run.put("parameters_after", report.parametersAfter());
        run.put("bytes_before", report.bytesBefore());
        run.put("bytes_after", report.bytesAfter());
        run.set("allocation", JSON.valueToTree(report.allocation()));
        if (report.validated() != null) {
            run.set("validated", JSON.valueToTree(report.validated()));
        }
        run.set("windows", JSON.valueToTree(report.windows()));
        if (report.rounding() != null) {
            run.set("rounding", JSON.valueToTree(report.rounding()));
        }
        run.set("sites", JSON.valueToTree(report.sites()));
        run.set("warnings", JSON.valueToTree(report.warnings()));
        writePage(job, report, run);
        job.folder.commit(run);
    }

    private void writePage(JobState job, CompressionReport report, ObjectNode run) {
        var page = job.job.page();
        if (page != null) {
            var findings = job.findings();
            var made = new OutputRecord(
                    report,
                    job.plan,
                    findings,
                    findings.curves() == null ? Double.NaN : job.keptShare(),
                    RepeatCommand.of(source, job.recipe(), job.fingerprint),
                    RepeatCommand.respending(source, job.recipe(), job.fingerprint, findings),
                    run.deepCopy(),
                    () -> LanguageModel.of(job.folder.reopen()));
            job.folder.write(OutputPage.FILE_NAME, page.of(made));
        }
    }
}
