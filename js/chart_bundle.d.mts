export function bundleChart(): Promise<{ path: string; contents: Uint8Array; metafile: object }>;
