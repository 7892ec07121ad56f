"""Where sounds come from: folders, lists, archives and stores, and the columns that come with them."""
