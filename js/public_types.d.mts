/** Write the declarations of all entry points; returns the files that they were made of. */
export function writeTypes(folder: string): Promise<string[]>;
/** A declaration and all that it imports, by path. */
export function closureOf(declaration: string): Promise<Map<string, string>>;
