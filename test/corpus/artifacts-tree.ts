import * as fs from "node:fs";
import * as path from "node:path";
import {
  type ArtifactRow,
  dataFile,
  editManifest,
  type Expected,
  kernelFile,
  type Loose,
  manifestFile,
} from "./artifacts-build.ts";

const manifest: Expected = { kind: "E_O_FORMAT", code: "artifact-manifest" };
const newer: Expected = { kind: "E_O_VERSION", code: "artifact-newer" };
const astray: Expected = { kind: "E_O_PATH", code: "artifact-path" };
const changed: Expected = { kind: "E_CHECK", code: "artifact-changed" };
const missing: Expected = { kind: "E_CHECK", code: "artifact-missing" };

const row = (id: string, title: string, expected: Expected, change: (folder: string) => void): ArtifactRow => ({
  id,
  title,
  expected,
  change,
});
const inManifest = (id: string, title: string, expected: Expected, edit: (manifest: Loose) => void): ArtifactRow =>
  row(id, title, expected, folder => editManifest(folder, edit));
const manifestText = (id: string, title: string, change: (text: string) => string): ArtifactRow =>
  row(id, title, manifest, folder => {
    const file = path.join(folder, manifestFile);
    fs.writeFileSync(file, change(fs.readFileSync(file, "utf8")));
  });
const listing = (id: string, listed: string): ArtifactRow =>
  inManifest(id, `the manifest lists ${JSON.stringify(listed)}`, astray, manifest => {
    manifest.specs[0].files[0].path = listed;
  });

/** A file behind a link that looks the same: only the link can give it away. */
function behindLink(folder: string, file: string, link: typeof fs.symlinkSync | typeof fs.linkSync): void {
  const elsewhere = `${folder}-elsewhere`;
  fs.renameSync(path.join(folder, file), elsewhere);
  link(elsewhere, path.join(folder, file));
}

export const artifactTreeRows: readonly ArtifactRow[] = [
  row("O00-untouched", "what compile wrote", null, () => {}),
  row("O04-O05-kernel-symlink", "a listed file is a symbolic link", astray, folder =>
    behindLink(folder, kernelFile, fs.symlinkSync),
  ),
  row("O05-kernel-hardlink", "a listed file is a hard link", astray, folder =>
    behindLink(folder, kernelFile, fs.linkSync),
  ),
  row("O26-own-names", "a killed run left second names of what stays unchanged", null, folder => {
    const rest = path.join(path.dirname(folder), `.${path.basename(folder)}.cnxc-tmp-00000000-1-0`);
    fs.mkdirSync(path.join(rest, path.dirname(kernelFile)), { recursive: true });
    fs.linkSync(path.join(folder, kernelFile), path.join(rest, kernelFile));
  }),
  row("O26-other-names", "a killed run left a second name, and there is a third", astray, folder => {
    const rest = path.join(path.dirname(folder), `.${path.basename(folder)}.cnxc-tmp-00000000-1-0`);
    fs.mkdirSync(rest);
    fs.linkSync(path.join(folder, kernelFile), path.join(rest, "kernel"));
    fs.linkSync(path.join(folder, kernelFile), `${folder}-elsewhere`);
  }),
  row("O27-unfinished", "a run was killed before the user's files were back", { kind: "W_O", code: "artifact-unfinished" }, folder =>
    fs.mkdirSync(path.join(path.dirname(folder), `.${path.basename(folder)}.cnxc-old`)),
  ),
  row("O05-parent-symlink", "the folder of a listed file is a symbolic link", astray, folder =>
    behindLink(folder, path.dirname(kernelFile), fs.symlinkSync),
  ),
  row("O05-data-symlink", "the data file is a symbolic link", astray, folder =>
    behindLink(folder, dataFile, fs.symlinkSync),
  ),
  row("O05-data-hardlink", "the data file is a hard link", astray, folder => behindLink(folder, dataFile, fs.linkSync)),
  ...["../secret", "a/../../b", "/etc/passwd", "C:\\x", "a\\b", "", "./x", "a//b", manifestFile].map((listed, i) =>
    listing(`O04-listed-${i + 1}`, listed),
  ),
  row("O21-byte-changed", "one byte changed in a kernel", changed, folder => {
    const file = path.join(folder, kernelFile);
    const bytes = fs.readFileSync(file);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    fs.writeFileSync(file, bytes);
  }),
  row("O21-byte-added", "one byte more in a kernel", changed, folder =>
    fs.appendFileSync(path.join(folder, kernelFile), "\n"),
  ),
  row("O21-kernel-missing", "a kernel is missing", missing, folder => fs.rmSync(path.join(folder, kernelFile))),
  row("O21-folder-for-a-file", "a folder stands where a kernel was", changed, folder => {
    fs.rmSync(path.join(folder, kernelFile));
    fs.mkdirSync(path.join(folder, kernelFile));
  }),
  row("O21-data-missing", "the data file is missing, and is said once", missing, folder =>
    fs.rmSync(path.join(folder, dataFile)),
  ),
  row("O22-missing", "no manifest", manifest, folder => fs.rmSync(path.join(folder, manifestFile))),
  manifestText("O22-cut", "the manifest is cut off", text => text.slice(0, text.length / 2)),
  manifestText("O22-empty", "the manifest is empty", () => ""),
  manifestText("O22-deep", "the manifest is nested 100,000 levels deep", () => "[".repeat(100_000)),
  row("O22-folder", "the manifest is a folder", manifest, folder => {
    fs.rmSync(path.join(folder, manifestFile));
    fs.mkdirSync(path.join(folder, manifestFile));
  }),
  row("O22-link", "the manifest is a link", manifest, folder => behindLink(folder, manifestFile, fs.symlinkSync)),
  row("O22-huge", "the manifest has a gigabyte", manifest, folder =>
    fs.truncateSync(path.join(folder, manifestFile), 1 << 30),
  ),
  inManifest("O22-twice", "two entries for one path", manifest, ({ specs: [{ files }] }) => files.push(files[0])),
  inManifest("O22-no-files", "the manifest lists no files", manifest, manifest => {
    delete manifest.specs[0].files;
  }),
  inManifest("O22-no-hash", "an entry has no hash", manifest, ({ specs: [{ files }] }) => {
    delete files[0].sha256;
  }),
  inManifest("O22-number-for-a-path", "a path is a number", manifest, ({ specs: [{ files }] }) => {
    files[0].path = 1;
  }),
  inManifest("O24-format-3", "a later form of the manifest", newer, manifest => {
    manifest.format = 3;
  }),
  inManifest("O24-newer", "artefacts of a newer cnxc", newer, manifest => {
    manifest.compiler = "99.0.0";
  }),
  inManifest("O24-older", "artefacts of an older cnxc", null, manifest => {
    manifest.compiler = "0.0.9";
  }),
  row("O25-extra", "unknown files beside ours", null, folder => {
    fs.writeFileSync(path.join(folder, "notes.txt"), "mine");
    fs.writeFileSync(path.join(folder, "micro/onnx/other.onnx"), "mine, and not read");
    fs.symlinkSync("/etc", path.join(folder, "elsewhere"));
  }),
];
