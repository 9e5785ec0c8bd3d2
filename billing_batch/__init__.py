"""Pure. A cycle in; bills, invoices and bank files out."""
