import { expect, test } from "vitest";
import { hubId } from "../../src/import/hub.ts";

test.each<[string, ReturnType<typeof hubId>]>([
  ["timm/convnextv2_atto.fcmae_ft_in1k", { owner: "timm", name: "convnextv2_atto.fcmae_ft_in1k" }],
  ["hf-hub:timm/convnextv2_atto.fcmae_ft_in1k", { owner: "timm", name: "convnextv2_atto.fcmae_ft_in1k" }],
  ["hf_hub:me/flowers", { owner: "me", name: "flowers" }],
  ["https://hub.example/facebook/convnextv2-tiny-1k-224/", { owner: "facebook", name: "convnextv2-tiny-1k-224" }],
  ["me/model.v2", { owner: "me", name: "model.v2" }],
  ["runs/model.safetensors", null],
  ["runs/model.PTH", null],
  ["../flowers", null],
  ["./runs", null],
  ["/etc/flowers", null],
  ["a/b/c", null],
  ["flowers", null],
])("%s as the id of a hub", (text, id) => {
  expect(hubId(text)).toEqual(id);
});
