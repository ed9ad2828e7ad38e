/** Whether somebody is in an element; in a shadow root, too. */
export function hasFocus(element: Element): boolean {
  const { activeElement = null } = element.getRootNode() as Partial<Document | ShadowRoot>;
  return element.contains(activeElement);
}
