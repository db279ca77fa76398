/**
 * An expression of JavaScript: the most memory that its process has had so far, in KiB. getrusage counts what the
 * process held that started this one, and a worker of the tests holds much; so it is read where Linux says it.
 */
export const peakMemory = `Number(process.getBuiltinModule("node:fs").readFileSync("/proc/self/status", "utf8").match(/VmHWM:\\s*(\\d+)/)[1])`;

export const tellsPeakMemory = process.platform === "linux";
