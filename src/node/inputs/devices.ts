import * as fs from "node:fs";
import * as path from "node:path";
import { fail, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { nearestOf } from "../../diagnostics/nearest.ts";
import { type Device, deviceLimits, readDevice } from "../../explore/device.ts";
import { readFileWithin } from "../files/read.ts";

/** Device files that come with cnxc. */
const shipped = path.resolve(import.meta.dirname, "../../../specs/devices");
const mostBytes = deviceLimits.bytes;

export const shippedDevices = (): readonly string[] =>
  fs
    .readdirSync(shipped)
    .filter(name => name.endsWith(".json"))
    .map(name => name.slice(0, -".json".length))
    .sort();

/** The device that cnxc has under that name, or the one in that file. */
export function openDevice(name: string): Result<Device> {
  const known = shippedDevices();
  const file = known.includes(name) ? path.join(shipped, `${name}.json`) : name;
  if (!fs.existsSync(file) || !(known.includes(name) || /[./\\]/.test(name)))
    return fail(error("unknown-device", null, name, known.join(", "), nearestOf(known)(name)));
  const bytes = readFileWithin(file, mostBytes, size =>
    error("device-file", { file, offset: null }, "the file", `at most ${mostBytes} bytes, not ${size}`),
  );
  return bytes.ok ? readDevice(bytes.value, file) : bytes;
}
