// Made by scripts/embed-published.mjs from specs/convnextv2.cnx.

export const published = [
  { name: "atto", depths: [2, 2, 6, 2], dims: [40, 80, 160, 320] },
  { name: "femto", depths: [2, 2, 6, 2], dims: [48, 96, 192, 384] },
  { name: "pico", depths: [2, 2, 6, 2], dims: [64, 128, 256, 512] },
  { name: "nano", depths: [2, 2, 8, 2], dims: [80, 160, 320, 640] },
  { name: "tiny", depths: [3, 3, 9, 3], dims: [96, 192, 384, 768] },
  { name: "base", depths: [3, 3, 27, 3], dims: [128, 256, 512, 1024] },
  { name: "large", depths: [3, 3, 27, 3], dims: [192, 384, 768, 1536] },
  { name: "huge", depths: [3, 3, 27, 3], dims: [352, 704, 1408, 2816] },
] as const;
