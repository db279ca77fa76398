import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { emit } from "../../../src/compile.ts";
import { stemOf } from "../../../src/emit/cuda/names.ts";
import { cudaTarget } from "../../../src/emit/cuda/target.ts";
import { inMemoryContext, type OutputFile } from "../../../src/emit/target.ts";
import { hasCmake, hasGxx } from "../../support/cuda-tools.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { model } from "../../support/models.ts";

const headers = (
  "aio assert complex cpio ctype dirent dlfcn errno fcntl fenv fmtmsg fnmatch fts ftw glob grp iconv ifaddrs inttypes " +
  "langinfo libgen limits link locale malloc math monetary mqueue net/if netdb nl_types poll pthread pty pwd regex resolv " +
  "sched search semaphore setjmp signal spawn stdio stdlib string strings sys/epoll sys/inotify sys/ioctl sys/ipc sys/mman " +
  "sys/msg sys/poll sys/ptrace sys/random sys/resource sys/sem sys/shm sys/socket sys/stat sys/statvfs sys/syscall sys/time " +
  "sys/timerfd sys/times sys/timex sys/types sys/uio sys/un sys/utsname sys/wait syslog tar termios threads time uchar " +
  "ucontext ulimit unistd utime utmpx wchar wctype wordexp"
).split(" ");
const includes = headers.map(name => `#include <${name}.h>\n`).join("");

/** Names whose own `r.h`, `R_OK`, `timer_create`, target or library is somebody else's, and words of the languages. */
const hostile = (
  "r w x f s m EAI mm ex sched SI timer pthread pthread_mutex sem shm mq iconv epoll thrd mtx cnd fts memfd TIME crypt_salt " +
  "posix_spawn_file_actions math stdio stdint features limits errno int double class std main linux unix EOF SEEK SIG cnxc " +
  "cnxc_r device kernels pack run pool Head example all test install package help clean Threads CMAKE PROJECT torch c10 " +
  "stage1 norm0"
).split(" ");

function filesOf(name: string, torch = false): readonly OutputFile[] {
  const target = cudaTarget("f32", { torch });
  const unit = emit({
    model: model({ name }),
    target,
    batch: { min: 1, max: 1 },
    taps: [],
    context: { ...inMemoryContext, version: "0.1.0" },
  });
  if (!unit.ok) throw new Error(`${name} does not compile`);
  return unit.value.files;
}

const textOf = (files: readonly OutputFile[], end: string): string =>
  String(files.find(file => file.path.endsWith(end))?.contents);

/** What a tool says against it; nothing is the aim. */
function complaints(command: string, words: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd, encoding: "utf8" });
  return status === 0 ? "" : `${stdout}${stderr}`;
}

function written(files: readonly OutputFile[]): string {
  const folder = newFolder();
  fill(folder, Object.fromEntries(files.map(file => [file.path, String(file.contents)])));
  return folder;
}

/** A model's files in a folder of its name. */
const folderOf = (name: string): readonly OutputFile[] =>
  filesOf(name).map(file => ({ ...file, path: `${name}/${file.path}` }));

test("a name that is nobody else's stands for itself, and no two names become one", () => {
  const own = ["atto", "micro", "tiny_384", "micro_features", "model", "runner", "mathematics"];
  expect(own.map(stemOf)).toEqual(own);
  expect(["r", "cnxc_r", "Timer"].map(stemOf)).toEqual(["cnxc_r", "cnxc_cnxc_r", "cnxc_Timer"]);
  expect(new Set(hostile.map(stemOf)).size).toBe(hostile.length);
});

test("the name a model has in C is the one in the header, the sources, the build and the Python module", () => {
  const files = filesOf("r", true);
  expect(textOf(files, "/cnxc_r.h")).toContain("CNXC_R_OK = 0");
  expect(textOf(files, "/cnxc_r.cu")).toContain('#include "cnxc_r.h"');
  expect(textOf(files, "/CMakeLists.txt")).toMatch(/add_library\(cnxc_r\s/);
  expect(textOf(files, "/binding.cpp")).toContain('#include "../cnxc_r.h"');
  expect(textOf(files, "/cnxc_r_torch.py")).toContain('torch.library.register_fake("cnxc_r::forward")');
});

describe.runIf(hasGxx)("beside the headers of the system", () => {
  test("nothing that they declare begins with a model's name and ends as ours does", () => {
    const own = textOf(filesOf("zebra"), "/zebra.h");
    const ends = [...new Set(own.match(/(?<=\bzebra)_\w+|(?<=\bZEBRA)_\w+/g))].join("|");
    const folder = newFolder();
    fill(folder, { "all.h": includes });
    const words = ["-E", "-dD", "-x", "c++", "all.h"];
    const { stdout } = spawnSync("g++", words, { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 26 });
    const met = [...stdout.matchAll(new RegExp(`\\b([A-Za-z]\\w*?)(?:${ends})\\b`, "g"))].map(([, stem = ""]) => stem);
    expect(met).toEqual(expect.arrayContaining(["R", "W", "X", "F", "timer", "pthread", "EAI"]));
    expect(met.filter(stem => !stem.includes("__") && stemOf(stem) === stem)).toEqual([]);
  });

  test("no header of theirs has the name of ours", () => {
    const top = headers.filter(name => !name.includes("/"));
    expect(top.filter(name => stemOf(name) === name)).toEqual([]);
  });

  test("C and C++ compile in one unit what all these names are in", () => {
    const made = hostile.flatMap(folderOf);
    const stems = hostile.map(stemOf);
    const needed = new Set(["kernels.h", ...stems.map(stem => `${stem}.h`), ...stems.map(stem => `${stem}.cu`)]);
    const of = (end: string) =>
      includes + hostile.map(name => `#include "${name}/cuda/${stemOf(name)}.${end}"\n`).join("");
    const folder = written([
      ...made.filter(file => needed.has(path.basename(file.path))),
      // One for all of them, or C++ would see its namespace twice.
      { path: "shared/device.h", contents: textOf(made, "r/cuda/device.h") },
      { path: "all.c", contents: of("h") },
      { path: "all.cpp", contents: of("cu") },
    ]);
    // As a user's build has it, the folders of the models are searched for headers before the system's.
    const words = ["-fsyntax-only", ...hostile.map(name => `-I${name}/cuda`), "-Ishared"];
    expect(complaints("gcc", ["-std=gnu11", ...words, "all.c"], folder)).toBe("");
    expect(complaints("g++", ["-std=gnu++20", ...words, "all.cpp"], folder)).toBe("");
  });

  test.runIf(hasCmake)(
    "CMake takes its own words as models of one build, which has tests, packages and threads",
    () => {
      const names = "all test install package help clean Threads CMAKE PROJECT torch r run".split(" ");
      const folder = written(names.flatMap(folderOf));
      const parts = names.map(name => `add_subdirectory(${name}/cuda)\n`).join("");
      const project = `cmake_minimum_required(VERSION 3.18)
project(several LANGUAGES C CXX)
enable_testing()
include(CPack)
find_package(Threads REQUIRED)
${parts}`;
      fill(folder, { "CMakeLists.txt": project });
      expect(complaints("cmake", ["-S", ".", "-B", "build", "-DCNXC_CPU=ON"], folder)).toBe("");
    },
  );
});
