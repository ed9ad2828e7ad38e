/** What has the focus in an element, which may be in a shadow root; `null`: nothing. */
export function focusedIn(element: Element): Element | null {
  const { activeElement = null } = element.getRootNode() as Partial<Document | ShadowRoot>;
  return element.contains(activeElement) ? activeElement : null;
}
