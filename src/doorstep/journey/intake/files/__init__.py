"""files: what a shop hands over: tables opened whatever they are, read as orders, products, stock; and the report."""
