"""papers: what is printed: labels, customs papers, packing slips, invoices. Their readers are wired in here."""
