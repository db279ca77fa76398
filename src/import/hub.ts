/** An address of a hub's pages, or what timm and open_clip write before an id. */
const prefix = /^(?:https?:\/\/[^/]+\/|hf[-_]hub:|timm:)/i;

/** Endings of files that are given to be imported; other dots are part of a model's name. */
const fileEnding = /\.(?:json|cnx|safetensors|pth?|tar|bin|ckpt|np[yz]|pkl|onnx|py|ya?ml|txt|zip)$/i;

/** `owner/name` as hubs have it, with whatever stands before it taken off; null where a text is no such id. */
export function hubId(text: string): { readonly owner: string; readonly name: string } | null {
  const id = text.replace(prefix, "");
  const [, owner, name] = /^([A-Za-z0-9][\w.-]*)\/([A-Za-z0-9][\w.-]*)\/?$/.exec(id) ?? [];
  return owner === undefined || name === undefined || fileEnding.test(name) ? null : { owner, name };
}
