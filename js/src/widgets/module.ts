/** Import a module by its URL: its code runs in this page, with all that the page may do. */
export function importModule(url: string): Promise<object> {
  return import(url);
}
