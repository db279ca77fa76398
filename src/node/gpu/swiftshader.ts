import * as fs from "node:fs/promises";
import * as path from "node:path";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { cached } from "../files/cache.ts";
import { findPackage, howToInstall } from "../process/packages.ts";
import { untar } from "./ustar.ts";

export interface SwiftShader {
  /** The Vulkan driver's manifest, for VK_ICD_FILENAMES. */
  readonly icd: string;
  /** A folder with a Vulkan loader and nothing else, for LD_LIBRARY_PATH where the system has none. */
  readonly loader: string;
}

const needs = (what: string, how: string) => fail(error("missing-tool", null, what, "the SwiftShader adapter", how));

/** Unpacks, once, the SwiftShader that the optional package @sparticuz/chromium carries. Linux on x64 only. */
export async function unpackSwiftShader(): Promise<Result<SwiftShader>> {
  if (process.platform !== "linux" || process.arch !== "x64")
    return fail(error("tool-failed", null, "SwiftShader", "its npm copy is built for Linux on x64"));
  const found = findPackage("@sparticuz/chromium");
  if (found === null) return needs("the npm package @sparticuz/chromium", howToInstall("@sparticuz/chromium@147.0.0"));
  try {
    const packed = await fs.readFile(path.join(found.folder, "bin", "swiftshader.tar.br"));
    const folder = await cached(found.modules, "swiftshader", packed, async target => {
      await fs.mkdir(path.join(target, "loader"));
      for (const { name, data } of untar(await promisify(brotliDecompress)(packed))) {
        const file = path.basename(name);
        const place = file.startsWith("libvulkan.so") ? path.join("loader", file) : file;
        await fs.writeFile(path.join(target, place), data, { mode: 0o755 });
      }
    });
    return ok({ icd: path.join(folder, "vk_swiftshader_icd.json"), loader: path.join(folder, "loader") });
  } catch (cause) {
    return fail(error("tool-failed", null, "SwiftShader", cause instanceof Error ? cause.message : String(cause)));
  }
}
