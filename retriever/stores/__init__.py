"""Where vectors are searched: FAISS in a folder, or Milvus at an address, behind one interface."""
