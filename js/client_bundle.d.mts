/** Build the client; returns its text, and esbuild's account of what went in. */
export function bundleClient(): Promise<{ text: string; metafile: import("esbuild").Metafile }>;
