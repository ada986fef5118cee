export function installedNode(major: string): string | undefined;
export function installNode(major: string): string | undefined;
