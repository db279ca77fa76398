/** True in `npm run test:full`, for checks that take minutes. */
export const full: boolean = (import.meta as { readonly env?: { readonly MODE?: string } }).env?.MODE === "full";
