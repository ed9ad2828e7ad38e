/**
 * The header that a Jupyter server wants of its own pages, which come with a cookie: for what changes
 * something, and a JupyterHub for all. `url`: what is asked, with its origin; another one would
 * refuse the header.
 */
export function xsrf(url: string): Record<string, string> {
  try {
    const [, token] = /\b_xsrf=([^;]+)/.exec(document.cookie) ?? [];
    if (token && url.startsWith(`${location.origin}/`)) return { "X-XSRFToken": token };
  } catch {} // a worker has no document, a sandboxed frame no cookies
  return {};
}
