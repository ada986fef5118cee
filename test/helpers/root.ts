/** Whether what needs root is tried. Under CI always: where root is missing there it fails, and is not left out. */
export const AS_ROOT: boolean = process.getuid?.() === 0 || process.env['CI'] === 'true';
